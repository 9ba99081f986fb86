package store

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"helpdesk"
)

// The limits of search: how much of a text is searched, how long a word is, how many words a search may have, and
// in how many texts, the newest, the rarest of them is looked for. What is beyond is left out.
const (
	indexedText = 256 << 10
	wordLength  = 40
	searchWords = 8
	commonWord  = 5000
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
		return t.later(nil, `INSERT INTO search_docs (ticket, tenant, words) VALUES (?, ?, array_to_tsvector(string_to_array(?, ' ')))`,
			string(key), string(t.tenant), packed)
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

// search adds the conditions that a ticket has the key that text is or, where there is no such ticket, that every
// word of text begins some word of its texts.
func (t *Tx) search(q *clause, text string) error {
	if key, err := helpdesk.ParseTicketKey(text); err == nil {
		if _, err := t.AnyTicket(key); helpdesk.KindOf(err) != helpdesk.NotFound || t.broken != nil {
			q.add(`key = ?`, string(key))
			return t.broken
		}
	}
	var words []string // the terms
	all := strings.Fields(text)
	for _, w := range all[:min(len(all), searchWords)] {
		if pieces := fold(w); len(pieces) > 0 {
			words = append(words, t.term(pieces))
		}
	}
	if len(words) == 0 {
		q.add(`FALSE`)
		return nil
	}
	rarest, err := t.rarest(words)
	if err != nil {
		return err
	}
	// The rarest word gives the tickets, so that a common one costs no more than a look at each of them.
	where, reach := t.within("d.tenant")
	by, of := t.found()
	newest := "w.rowid"
	if t.eng.name == "postgres" {
		newest = "d.id"
	}
	q.add(`key IN (SELECT ticket FROM (SELECT d.ticket `+by+` AND `+where+` ORDER BY `+newest+` DESC LIMIT ?) newest)`,
		append(append([]any{rarest}, reach...), commonWord)...)
	for _, w := range words {
		if w != rarest {
			q.add(`EXISTS (SELECT 1 `+of+` AND d.ticket = tickets.key)`, w)
		}
	}
	return nil
}

// term is a word to search for in the engine's language: every piece of it begins some word of one text.
func (t *Tx) term(pieces []string) string {
	if t.eng.name == "postgres" {
		return `'` + strings.Join(pieces, `':* & '`) + `':*`
	}
	return `"` + strings.Join(pieces, `"* AND "`) + `"*`
}

// found is the part of a query for the documents d that match a term, its parameter: from the words to their
// documents, and from documents to their words. For the first, SQLite joins in the order written; for the second it
// lists a term's documents once, and the + keeps it from walking that list for every ticket.
func (t *Tx) found() (byWord, ofDocument string) {
	if t.eng.name == "postgres" {
		const text = `FROM search_docs d WHERE d.words @@ CAST(CAST(? AS TEXT) AS TSQUERY)`
		return text, text
	}
	return `FROM search_words w CROSS JOIN search_docs d ON d.id = w.rowid WHERE w.search_words MATCH ?`,
		`FROM search_docs d WHERE +d.id IN (SELECT rowid FROM search_words WHERE search_words MATCH ?)`
}

// rarest picks the term that the fewest documents match.
func (t *Tx) rarest(terms []string) (best string, err error) {
	if len(terms) == 1 {
		return terms[0], nil
	}
	query := `SELECT count(*) FROM (SELECT 1 FROM search_words WHERE search_words MATCH ? LIMIT ?) counted`
	if t.eng.name == "postgres" {
		query = `SELECT count(*) FROM (SELECT 1 FROM search_docs WHERE words @@ CAST(CAST(? AS TEXT) AS TSQUERY) LIMIT ?) counted`
	}
	least := commonWord + 1
	for _, term := range terms {
		var n int
		if err := t.first("", func(r row) error { return r.Scan(&n) }, query, term, commonWord); err != nil {
			return "", err
		}
		if n < least {
			best, least = term, n
		}
	}
	return best, nil
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
