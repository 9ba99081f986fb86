package runbook

import "strings"

// wordsFile holds what is known of words beside the runbooks' own.
const wordsFile = "words.yaml"

// wordsData is words.yaml as written.
type wordsData struct {
	Stop      []string            `yaml:"stop"`
	Synonyms  [][]string          `yaml:"synonyms"`
	Elsewhere []elsewhere         `yaml:"elsewhere"`
	Intents   map[string][]string `yaml:"intents"`
}

// elsewhere is a topic that the agent knows it cannot help with.
type elsewhere struct {
	Topic string   `yaml:"topic"`
	Words []string `yaml:"words"`
}

func parseWords(text []byte) (*wordsData, []Problem) {
	w := &wordsData{}
	if ps := decode(wordsFile, text, w); len(ps) > 0 {
		return nil, ps
	}
	for _, g := range w.Synonyms {
		if len(g) < 2 {
			return nil, []Problem{{File: wordsFile, Line: 1, Text: "Each list of synonyms holds at least two words."}}
		}
	}
	return w, nil
}

// intent finds what a short remark asks for: the intent of which a phrase is in the text, in order of the
// phrases' length, so that "do not stop" is not "stop". Long messages are reports, not remarks.
func (w *wordsData) intent(text string) string {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return !('a' <= r && r <= 'z') && r != '\'' && !('0' <= r && r <= '9')
	})
	if len(words) == 0 || len(words) > 14 {
		return ""
	}
	said := " " + strings.ReplaceAll(strings.Join(words, " "), "'", "") + " "
	best, length := "", 0
	for name, phrases := range w.Intents {
		for _, p := range phrases {
			if strings.Contains(said, " "+p+" ") && (len(p) > length || len(p) == length && name < best) {
				best, length = name, len(p)
			}
		}
	}
	return best
}
