package store

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"helpdesk"
)

// The limits of search: how much of a text is searched, how long a word is, how many words a search may have.
// What is beyond is left out.
const (
	indexedText = 256 << 10
	wordLength  = 40
	searchWords = 8
)

// Index makes text of a ticket findable.
func (t *Tx) Index(key helpdesk.TicketKey, text string) error {
	if len(text) > indexedText {
		text = text[:indexedText]
	}
	words := fold(text)
	slices.Sort(words)
	packed := strings.Join(slices.Compact(words), " ")
	if t.eng.name == "postgres" {
		_, err := t.exec(`INSERT INTO search_docs (ticket, tenant, words) VALUES (?, ?, array_to_tsvector(string_to_array(?, ' ')))`,
			string(key), string(t.tenant), packed)
		return err
	}
	if _, err := t.exec(`INSERT INTO search_docs (ticket, tenant) VALUES (?, ?)`, string(key), string(t.tenant)); err != nil {
		return err
	}
	_, err := t.exec(`INSERT INTO search_words (rowid, words) VALUES (last_insert_rowid(), ?)`, packed)
	return err
}

// unindex forgets what Index made findable of a ticket.
func (t *Tx) unindex(key helpdesk.TicketKey) error {
	if t.eng.name == "sqlite" {
		if _, err := t.exec(`DELETE FROM search_words WHERE rowid IN (SELECT id FROM search_docs WHERE ticket = ? AND tenant = ?)`, string(key), string(t.tenant)); err != nil {
			return err
		}
	}
	_, err := t.exec(`DELETE FROM search_docs WHERE ticket = ? AND tenant = ?`, string(key), string(t.tenant))
	return err
}

// matches is a subquery for the keys of tickets in which every word of text begins some word, and of the one
// whose key the text is.
func (t *Tx) matches(text string) (string, []any) {
	const sqliteMatch = `SELECT d.ticket FROM search_words JOIN search_docs d ON d.id = search_words.rowid WHERE search_words MATCH ? AND `
	const postgresMatch = `SELECT d.ticket FROM search_docs d WHERE d.words @@ CAST(CAST(? AS TEXT) AS TSQUERY) AND `
	where, reach := t.within("d.tenant")
	var queries []string
	var args []any
	for i, w := range strings.Fields(text) {
		pieces := fold(w)
		if len(pieces) == 0 || i >= searchWords {
			continue
		}
		if t.eng.name == "postgres" {
			queries = append(queries, postgresMatch+where)
			args = append(args, `'`+strings.Join(pieces, `':* & '`)+`':*`)
		} else {
			queries = append(queries, sqliteMatch+where)
			args = append(args, `"`+strings.Join(pieces, `"* AND "`)+`"*`)
		}
		args = append(args, reach...)
	}
	if len(queries) == 0 {
		return `SELECT ticket FROM search_docs WHERE FALSE`, nil
	}
	query := strings.Join(queries, " INTERSECT ")
	if key, err := helpdesk.ParseTicketKey(text); err == nil {
		query, args = query+` UNION SELECT CAST(? AS TEXT)`, append(args, string(key))
	}
	return query, args
}

// fold takes the words out of a text in the form in which they are compared: letters and digits only, without
// case and accents, and each ideograph a word. Both engines get words from here, so both find the same.
func fold(text string) []string {
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, string(word[:min(len(word), wordLength)]))
			word = word[:0]
		}
	}
	for _, r := range norm.NFKD.String(strings.ToValidUTF8(text, " ")) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			end()
			words = append(words, string(r))
		case unicode.IsLetter(r), unicode.IsNumber(r):
			word = append(word, unicode.ToLower(r))
		default:
			end()
		}
	}
	end()
	return words
}
