// Package helpdesk holds the nouns of AI HelpDesk and the rules that bind them: what a Ticket, a Turn, a
// Suggestion, a Decision, a Run and a Terminal are, which moves between their states exist, and which bytes
// a Decision is bound to.
//
// It knows no plumbing. It imports only the standard library, reads no clock and writes no log; whatever a
// rule needs to be right is a parameter. Everything else in the repository imports it and it imports none.
//
// Where to go on reading: package event (the facts a ticket is made of), internal/turn (one round of an
// agent), internal/approval (suggestion, decision, run), internal/app (how the parts are joined).
package helpdesk
