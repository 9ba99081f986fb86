package store

import (
	"strings"
	"unicode"

	"helpdesk"
)

// Index makes text of a ticket findable.
func (t *Tx) Index(key helpdesk.TicketKey, text string) error {
	_, err := t.exec(`INSERT INTO search (text, ticket, tenant) VALUES (?, ?, ?)`, text, string(key), string(t.tenant))
	return err
}

// matches is a subquery for the keys of tickets in which every word begins some word.
func (t *Tx) matches(words []string) (string, []any) {
	texts := make([]string, 0, len(words))
	args := make([]any, 0, len(words))
	for _, w := range words {
		term := strings.TrimFunc(strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				return unicode.ToLower(r)
			}
			return ' '
		}, w), unicode.IsSpace)
		if term == "" {
			continue
		}
		if t.eng.numbered {
			// Each piece of the word is a prefix; to_tsquery joins them.
			texts = append(texts, `SELECT ticket FROM search WHERE words @@ to_tsquery('simple', ?)`)
			args = append(args, strings.Join(strings.Fields(term), ":* & ")+":*")
		} else {
			texts = append(texts, `SELECT ticket FROM search WHERE search MATCH ?`)
			args = append(args, `"`+strings.Join(strings.Fields(term), `"* AND "`)+`"*`)
		}
	}
	if len(texts) == 0 {
		return `SELECT ticket FROM search WHERE FALSE`, nil
	}
	return strings.Join(texts, " INTERSECT "), args
}
