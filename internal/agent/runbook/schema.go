package runbook

// Runbook is one problem that the agent knows, as its file says it. docs/guide/runbooks.md explains each field
// for those who write one.
type Runbook struct {
	ID      string    `yaml:"id"`
	Title   string    `yaml:"title"`
	About   string    `yaml:"about"`
	Words   []string  `yaml:"words"`
	Params  []Param   `yaml:"params"`
	Steps   []Step    `yaml:"steps"`
	Define  []Named   `yaml:"define"`
	Finds   []Finding `yaml:"findings"`
	Healthy Text      `yaml:"healthy"`
	Gaps    []Gap     `yaml:"gaps"`
	Remedy  []Remedy  `yaml:"remedies"`
	Verify  []Step    `yaml:"verify"`
	Turns   []Turn    `yaml:"turns"`
	Links   []Link    `yaml:"links"`

	file string
	line int
}

// Param is something taken from the person's words, such as a port.
type Param struct {
	Name    string   `yaml:"name"`
	Type    string   `yaml:"type"`    // text (the default) or int
	Find    []Regexp `yaml:"find"`    // the first that matches gives the value: its first group
	Answer  Regexp   `yaml:"answer"`  // how the value looks as an answer to Ask
	Ask     string   `yaml:"ask"`     // asked where the words do not say; without it, Default counts
	Choices []string `yaml:"choices"` // offered with the question
	Default string   `yaml:"default"`
	Min     int      `yaml:"min"` // of an int
	Max     int      `yaml:"max"`
	Is      []Choice `yaml:"is"` // alternative to Find: the value whose pattern matches
}

// Choice is a value that a param takes when the words match.
type Choice struct {
	Value string `yaml:"value"`
	Find  Regexp `yaml:"find"`
}

// Step is one command and what its output says.
type Step struct {
	ID        string    `yaml:"id"`
	Title     string    `yaml:"title"`
	Command   Text      `yaml:"command"`
	Purpose   Text      `yaml:"purpose"`
	Expected  Text      `yaml:"expected"`
	Scope     string    `yaml:"scope"` // machine (the default), tenant or admin
	Risk      string    `yaml:"risk"`  // reads (the default), changes or destructive
	When      Expr      `yaml:"when"`
	After     []string  `yaml:"after"`
	InsteadOf string    `yaml:"instead_of"`
	Exit      []int     `yaml:"exit"`
	Empty     string    `yaml:"empty"`
	Read      []Reading `yaml:"read"`
	Notes     []Note    `yaml:"notes"`
	Blind     Text      `yaml:"blind"`

	line int
}

// Reading turns a part of an output into values. Exactly one of Table, Match, Pairs and Lines is set.
type Reading struct {
	Name     string            `yaml:"name"`
	Section  string            `yaml:"section"`
	Table    *Table            `yaml:"table"`
	Match    Regexp            `yaml:"match"`
	Types    map[string]string `yaml:"types"`
	Pairs    *Pairs            `yaml:"pairs"`
	Lines    bool              `yaml:"lines"`
	Optional bool              `yaml:"optional"`

	line int
}

// Table reads rows of columns parted by blanks below a header.
type Table struct {
	Header  Regexp   `yaml:"header"`
	Columns []string `yaml:"columns"` // name or name:type; the last takes the rest of the line
}

// Pairs reads "key separator value" lines.
type Pairs struct {
	Separator string `yaml:"separator"` // default ":"
	Type      string `yaml:"type"`
}

// Named is a value that is made of others.
type Named struct {
	Name  string `yaml:"name"`
	Value Expr   `yaml:"value"`
}

// Note is what a reading says at once.
type Note struct {
	When Expr `yaml:"when"`
	Text Text `yaml:"text"`
}

// Finding is what may be concluded, with the lines that show it.
type Finding struct {
	ID       string   `yaml:"id"`
	Each     Expr     `yaml:"each"`
	When     Expr     `yaml:"when"`
	Severity string   `yaml:"severity"` // critical, warning, notice or info
	Title    Text     `yaml:"title"`
	Text     Text     `yaml:"text"`
	Evidence Expr     `yaml:"evidence"`
	Remedies []string `yaml:"remedies"`

	line int
}

// Gap is something that cannot be known here, with what somebody else could run.
type Gap struct {
	When    Expr `yaml:"when"`
	Text    Text `yaml:"text"`
	Command Text `yaml:"command"`
}

// Remedy is a command that may help; it is only ever suggested.
type Remedy struct {
	ID       string `yaml:"id"`
	When     Expr   `yaml:"when"`
	Command  Text   `yaml:"command"`
	Purpose  Text   `yaml:"purpose"`
	Expected Text   `yaml:"expected"`
	Scope    string `yaml:"scope"`
	Risk     string `yaml:"risk"`

	line int
}

// Turn leads to another runbook where the evidence speaks against this one.
type Turn struct {
	When    Expr   `yaml:"when"`
	To      string `yaml:"to"`
	Because Text   `yaml:"because"`
}

// Link is a page worth reading.
type Link struct {
	URL         string `yaml:"url"`
	Description string `yaml:"description"`
	When        Expr   `yaml:"when"`
}

// step finds a step or verification by its id.
func (b *Runbook) step(id string) *Step {
	for i := range b.Steps {
		if b.Steps[i].ID == id {
			return &b.Steps[i]
		}
	}
	for i := range b.Verify {
		if b.Verify[i].ID == id {
			return &b.Verify[i]
		}
	}
	return nil
}

func (b *Runbook) remedy(id string) *Remedy {
	for i := range b.Remedy {
		if b.Remedy[i].ID == id {
			return &b.Remedy[i]
		}
	}
	return nil
}

// alternative finds the step that stands in for another.
func (b *Runbook) alternative(id string) *Step {
	for i := range b.Steps {
		if b.Steps[i].InsteadOf == id {
			return &b.Steps[i]
		}
	}
	return nil
}
