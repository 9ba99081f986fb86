package runbook

import "strings"

// stem brings the forms of an English word together: full, fills and filling to one; processes and process. It
// follows the first steps of Porter's algorithm and leaves the rarer suffixes alone: a runbook's words name
// what else people say.
func stem(w string) string {
	if len(w) <= 3 {
		return w
	}
	switch {
	case strings.HasSuffix(w, "sses"):
		w = w[:len(w)-2]
	case strings.HasSuffix(w, "ies"):
		w = w[:len(w)-3] + "y"
	case strings.HasSuffix(w, "ss"), strings.HasSuffix(w, "us"), strings.HasSuffix(w, "is"):
	case strings.HasSuffix(w, "s"):
		w = w[:len(w)-1]
	}
	switch {
	case strings.HasSuffix(w, "eed"):
		if measure(w[:len(w)-3]) > 0 {
			w = w[:len(w)-1]
		}
	case strings.HasSuffix(w, "ed") && hasVowel(w[:len(w)-2]):
		w = mend(w[:len(w)-2])
	case strings.HasSuffix(w, "ing") && hasVowel(w[:len(w)-3]):
		w = mend(w[:len(w)-3])
	}
	for _, s := range [...][2]string{{"ization", "ize"}, {"ation", "ate"}, {"fulness", "ful"}, {"iveness", "ive"}, {"ness", ""}, {"ment", ""}, {"ably", "able"}, {"ily", "y"}, {"ully", "ull"}, {"ly", ""}} {
		if base, ok := strings.CutSuffix(w, s[0]); ok && (measure(base) > 0 || s[0] == "ully") {
			w = base + s[1]
			break
		}
	}
	if strings.HasSuffix(w, "e") && measure(w[:len(w)-1]) > 1 {
		w = w[:len(w)-1]
	}
	if strings.HasSuffix(w, "y") && len(w) > 3 && !vowel(w, len(w)-2) {
		w = w[:len(w)-1] + "i"
	}
	return w
}

// mend repairs what is left when -ed or -ing is taken off: hop from hopp, write from writ.
func mend(w string) string {
	n := len(w)
	switch {
	case strings.HasSuffix(w, "at"), strings.HasSuffix(w, "bl"), strings.HasSuffix(w, "iz"):
		return w + "e"
	case n > 2 && w[n-1] == w[n-2] && !vowel(w, n-1) && !strings.ContainsRune("lsz", rune(w[n-1])):
		return w[:n-1]
	case measure(w) == 1 && n > 2 && !vowel(w, n-1) && vowel(w, n-2) && !vowel(w, n-3) && !strings.ContainsRune("wxy", rune(w[n-1])):
		return w + "e"
	}
	return w
}

func vowel(w string, i int) bool {
	switch w[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return true
	case 'y':
		return i > 0 && !vowel(w, i-1)
	}
	return false
}

func hasVowel(w string) bool {
	for i := range len(w) {
		if vowel(w, i) {
			return true
		}
	}
	return false
}

// measure counts the turns from vowels to consonants, Porter's m.
func measure(w string) int {
	m := 0
	for i := 1; i < len(w); i++ {
		if vowel(w, i-1) && !vowel(w, i) {
			m++
		}
	}
	return m
}
