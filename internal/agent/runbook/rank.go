package runbook

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// BM25 and what of a message is looked at.
const (
	bm25K     = 1.2
	bm25B     = 0.3
	maxRanked = 4 << 10 // bytes of a message that count
	// A runbook fits when its score and its share of what the message speaks of are at least these.
	leastScore = 2
	leastShare = 0.2
)

// index ranks runbooks, and topics of elsewhere, by a person's words.
type index struct {
	vocabulary *vocabulary
	docs       []document
	idf        map[string]float64
	unknown    float64 // idf of a term that no document has
	average    float64 // length of a document
}

// document is what one runbook, or one topic of elsewhere, is found by.
type document struct {
	book   *Runbook // nil for a topic of elsewhere
	topic  string
	terms  map[string]float64 // weighted frequency
	length float64
	said   []phrase // what people say, each by itself
}

// phrase is one of the things that people say of a runbook's problem.
type phrase struct {
	terms  map[string]bool
	length float64 // the sum of the squared weights of its terms
}

// match is how well a document fits a message.
type match struct {
	book  *Runbook
	topic string
	score float64
	share float64  // of the message's weight that the document speaks of
	words []string // of the person, that led here
}

// vocabulary is words.yaml, ready for use.
type vocabulary struct {
	stop   map[string]bool
	same   map[string]string // stem → the stem that stands for it
	phrase map[string]string // two words → the stem that stands for them
}

// term is one thing that a text speaks of.
type term struct {
	text  string
	words string // as written
	pair  bool   // of two neighbours
}

func newVocabulary(w *wordsData) *vocabulary {
	v := &vocabulary{stop: map[string]bool{}, same: map[string]string{}, phrase: map[string]string{}}
	for _, s := range w.Stop {
		v.stop[s] = true
	}
	for _, group := range w.Synonyms {
		first := stem(group[0])
		for _, word := range group {
			if a, b, two := strings.Cut(word, " "); two {
				v.phrase[stem(a)+" "+stem(b)] = first
				continue
			}
			v.same[stem(strings.Trim(word, "/"))] = first
		}
	}
	return v
}

var addressPort = regexp.MustCompile(`[a-z0-9\]]?:\d{2,5}\b`)

// terms are the stems of a text without stop words, synonyms made one, and each pair of neighbours.
func (v *vocabulary) terms(text string) []term {
	text = strings.ToLower(text)
	if addressPort.MatchString(text) {
		text += " port"
	}
	var stems, written []string
	for _, w := range strings.FieldsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '/' && r != '_'
	}) {
		w = strings.Trim(strings.TrimSuffix(w, "'s"), "'/_")
		w = strings.ReplaceAll(w, "'", "")
		if w == "" || strings.Trim(w, "0123456789") == "" {
			continue
		}
		stems, written = append(stems, stem(w)), append(written, w)
	}
	var terms []term
	last := -1
	for i := 0; i < len(stems); i++ {
		if i+1 < len(stems) {
			if one, ok := v.phrase[stems[i]+" "+stems[i+1]]; ok {
				terms = append(terms, term{text: one, words: written[i] + " " + written[i+1]})
				last = -1
				i++
				continue
			}
		}
		if v.stop[written[i]] {
			continue
		}
		s := stems[i]
		if one, ok := v.same[s]; ok {
			s = one
		}
		terms = append(terms, term{text: s, words: written[i]})
		if n := len(terms); last == n-2 && n >= 2 {
			terms = append(terms, term{text: terms[n-2].text + " " + s, pair: true})
			// The pair stands behind its second word; the next pair starts there.
			terms[n-1], terms[n] = terms[n], terms[n-1]
			last = n
			continue
		}
		last = len(terms) - 1
	}
	return terms
}

// newIndex reads the documents once.
func newIndex(books []*Runbook, w *wordsData) *index {
	ix := &index{vocabulary: newVocabulary(w), idf: map[string]float64{}}
	add := func(d *document, text string, weight float64) {
		for _, t := range ix.vocabulary.terms(text) {
			d.terms[t.text] += weight
		}
		for said := range strings.SplitSeq(text, ",") {
			p := phrase{terms: map[string]bool{}}
			for _, t := range ix.vocabulary.terms(said) {
				p.terms[t.text] = true
			}
			if len(p.terms) > 0 {
				d.said = append(d.said, p)
			}
		}
	}
	for _, b := range books {
		d := document{book: b, terms: map[string]float64{}}
		add(&d, b.Title, 2)
		add(&d, strings.ReplaceAll(b.ID, "-", " "), 1)
		for _, text := range b.Words {
			add(&d, text, 1)
		}
		ix.docs = append(ix.docs, d)
	}
	for _, e := range w.Elsewhere {
		d := document{topic: e.Topic, terms: map[string]float64{}}
		for _, text := range e.Words {
			add(&d, text, 1)
		}
		ix.docs = append(ix.docs, d)
	}
	n := float64(len(ix.docs))
	for i := range ix.docs {
		d := &ix.docs[i]
		for t, f := range d.terms {
			d.length += f
			ix.idf[t]++
		}
		ix.average += d.length / n
	}
	for t, df := range ix.idf {
		ix.idf[t] = math.Log(1 + (n-df+0.5)/(df+0.5))
	}
	for _, d := range ix.docs {
		for i := range d.said {
			for _, t := range slices.Sorted(maps.Keys(d.said[i].terms)) { // in order, so that sums are the same each time
				d.said[i].length += ix.weight(t) * ix.weight(t)
			}
		}
	}
	// A word that nobody knows may be a name as well as another matter: it counts half.
	ix.unknown = math.Log(1+(n+0.5)/0.5) / 2
	return ix
}

// rank orders the documents by their fit, best first; those without any term in common are left out.
func (ix *index) rank(message string) []match {
	if len(message) > maxRanked {
		message = message[:maxRanked]
	}
	seen := map[string]bool{}
	var query []term
	total := 0.0
	for _, t := range ix.vocabulary.terms(message) {
		if seen[t.text] {
			continue
		}
		seen[t.text] = true
		query = append(query, t)
		if !t.pair {
			total += ix.weight(t.text)
		}
	}
	var matches []match
	for i := range ix.docs {
		d := &ix.docs[i]
		m := match{book: d.book, topic: d.topic}
		for _, t := range query {
			f := d.terms[t.text]
			if f == 0 {
				continue
			}
			score := ix.weight(t.text) * f * (bm25K + 1) / (f + bm25K*(1-bm25B+bm25B*d.length/ix.average))
			m.score += score
			if !t.pair {
				m.share += ix.weight(t.text) / total
				m.words = append(m.words, t.words)
			}
		}
		if m.score > 0 {
			m.score *= 1 + ix.likeness(query, d)
			matches = append(matches, m)
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return matches
}

// clause is where one matter may end and another begin.
var clause = regexp.MustCompile(`(?i)[.;!?,]\s|\n|\s(?:and|also|besides|plus|moreover|additionally|furthermore)\s`)

// apart are the runbooks that a part of the message, taken by itself, leads to.
func (ix *index) apart(message string) map[*Runbook]bool {
	if len(message) > maxRanked {
		message = message[:maxRanked]
	}
	books := map[*Runbook]bool{}
	for _, part := range clause.Split(message, -1) {
		if best, _ := ix.choose(part); best.book != nil && (len(best.words) > 1 || best.share > 0.9 && best.score > 4*leastScore) {
			books[best.book] = true
		}
	}
	return books
}

// likeness is how near the message comes to one of the things that people say of a document's problem: the cosine
// of the two sets of terms, from 0 to 1. Words that a runbook has in different phrases do not add up to it.
func (ix *index) likeness(query []term, d *document) float64 {
	asked := 0.0
	for _, t := range query {
		asked += ix.weight(t.text) * ix.weight(t.text)
	}
	best := 0.0
	for _, p := range d.said {
		common := 0.0
		for _, t := range query {
			if p.terms[t.text] {
				common += ix.weight(t.text) * ix.weight(t.text)
			}
		}
		best = max(best, common/math.Sqrt(p.length*asked))
	}
	return best
}

// weight is the idf of a term; one that no document has speaks of something unknown.
func (ix *index) weight(t string) float64 {
	if w, ok := ix.idf[t]; ok {
		return w
	}
	return ix.unknown
}

// choose is the runbook for the message, or what it is about where none fits: book is nil then, and topic ""
// where nothing is known of it.
func (ix *index) choose(message string) (best match, others []match) {
	ranked := ix.rank(message)
	if len(ranked) == 0 {
		return match{}, nil
	}
	best = ranked[0]
	if best.score < leastScore || best.share < leastShare {
		return match{}, nil
	}
	for _, m := range ranked[1:] {
		if m.book != nil && m.score >= leastScore && m.share >= leastShare {
			others = append(others, m)
		}
	}
	return best, others
}
