package event

import "time"

// kinds is the register of every fact.
var kinds = register(
	TicketCreated{}, TicketRenamed{}, TicketStatusChanged{}, TicketAssigned{}, TicketDeleted{}, TicketRestored{},
	MessagePosted{}, TurnQueued{}, TurnStarted{}, TurnSent{}, TurnEnded{}, TurnsHeld{}, TurnsReleased{},
	ReasoningRecorded{}, ActivityRecorded{}, PlanStated{}, LinkOffered{}, QuestionAsked{},
	SuggestionProposed{}, SuggestionDecided{}, SuggestionMoved{}, RunQueued{}, RunStarted{}, RunEnded{},
	TerminalOpened{}, TerminalEnded{}, WorkspaceOpened{}, WorkspaceRemoved{}, FileChanged{},
)

func register(facts ...Fact) map[string]Fact {
	m := make(map[string]Fact, len(facts))
	for _, f := range facts {
		m[Kind(f)] = f
	}
	return m
}

type (
	// TicketCreated is the first event of every ticket.
	TicketCreated struct {
		Title    string `json:"title"`
		Agent    string `json:"agent"`
		Instance string `json:"instance"`
	}
	// TicketRenamed gives a ticket another title.
	TicketRenamed struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	// TicketStatusChanged moves a ticket between open, in_progress and closed.
	TicketStatusChanged struct {
		From   string `json:"from"`
		To     string `json:"to"`
		Solved *bool  `json:"solved,omitempty"` // the answer given on closing
	}
	// TicketAssigned makes another instance the active one.
	TicketAssigned struct {
		Agent        string `json:"agent"`
		AgentName    string `json:"agent_name"`
		Instance     string `json:"instance"`
		InstanceName string `json:"instance_name"`
	}
	// TicketDeleted hides a ticket; until it is purged it can be restored.
	TicketDeleted struct {
		PurgeAt time.Time `json:"purge_at"`
	}
	// TicketRestored undoes a deletion.
	TicketRestored struct{}

	// MessagePosted is what a person said, or an agent's whole answer at the end of its turn.
	MessagePosted struct {
		ID       string `json:"id"`
		Role     string `json:"role"` // user or assistant
		Content  string `json:"content"`
		Turn     string `json:"turn,omitempty"`     // the turn it answers or opens
		Instance string `json:"instance,omitempty"` // to whom, or who
	}

	// TurnQueued: a message waits for its instance.
	TurnQueued struct {
		Turn     string `json:"turn"`
		Message  string `json:"message"`
		Agent    string `json:"agent"`
		Instance string `json:"instance"`
	}
	// TurnStarted: a node works on it. A turn that was never sent may start again after its node was lost.
	TurnStarted struct {
		Turn      string `json:"turn"`
		Agent     string `json:"agent"`
		AgentName string `json:"agent_name"`
		Instance  string `json:"instance"`
	}
	// TurnSent: from here on the request may have reached the instance. Delivered is what it was told.
	TurnSent struct {
		Turn      string     `json:"turn"`
		Delivered []Delivery `json:"delivered,omitempty"`
	}
	// TurnEnded: done, failed, interrupted or cancelled. Text is what had arrived where no message was made of it.
	TurnEnded struct {
		Turn    string `json:"turn"`
		State   string `json:"state"`
		Reason  string `json:"reason,omitempty"`
		Message string `json:"message,omitempty"` // the answer's id, where there is one
		Text    string `json:"text,omitempty"`
	}
	// TurnsHeld: queued messages wait until a person sends or discards them.
	TurnsHeld struct {
		Turns []string `json:"turns"`
	}
	// TurnsReleased: the held messages go on.
	TurnsReleased struct{}

	// Delivery is one thing that an agent was told with a message.
	Delivery struct {
		Suggestion string   `json:"suggestion"`
		Command    string   `json:"command"`
		Choice     string   `json:"choice"`
		Reason     string   `json:"reason,omitempty"`
		Run        string   `json:"run,omitempty"`
		Outcome    *Outcome `json:"outcome,omitempty"`
	}

	// ReasoningRecorded is a stretch of an agent's reasoning.
	ReasoningRecorded struct {
		Turn string `json:"turn"`
		Text string `json:"text"`
		Took int64  `json:"took_ms"`
	}
	// ActivityRecorded is something that the agent did itself.
	ActivityRecorded struct {
		Turn    string `json:"turn"`
		Name    string `json:"name"`
		Detail  string `json:"detail,omitempty"`
		Result  string `json:"result,omitempty"`
		Took    int64  `json:"took_ms"`
		Failure bool   `json:"failure,omitempty"`
	}
	// PlanStated replaces the agent's plan.
	PlanStated struct {
		Turn  string     `json:"turn"`
		Steps []PlanStep `json:"steps"`
	}
	// PlanStep is one step of a plan: pending, active, done, skipped or failed.
	PlanStep struct {
		Title string `json:"title"`
		State string `json:"state"`
	}
	// LinkOffered is a URL card.
	LinkOffered struct {
		Turn        string `json:"turn"`
		URL         string `json:"url"`
		Description string `json:"description"`
	}
	// QuestionAsked: the agent waits for an answer, perhaps one of the choices.
	QuestionAsked struct {
		Turn    string   `json:"turn"`
		Text    string   `json:"text"`
		Choices []string `json:"choices,omitempty"`
	}

	// SuggestionProposed is a command with all that a decision binds.
	SuggestionProposed struct {
		ID       string   `json:"id"`
		Turn     string   `json:"turn"`
		Agent    string   `json:"agent"`
		Instance string   `json:"instance"`
		Position int      `json:"position"`
		Command  string   `json:"command"`
		Purpose  string   `json:"purpose"`
		Expected string   `json:"expected"`
		Scope    string   `json:"scope"`
		Place    string   `json:"place"`
		Cwd      string   `json:"cwd"`
		Files    []File   `json:"files,omitempty"`
		Risk     string   `json:"risk"`
		EnvNames []string `json:"env_names,omitempty"`
		Digest   string   `json:"digest"`
	}
	// File is a file that a command needs.
	File struct {
		Path    string `json:"path"`
		Content string `json:"content"`
	}
	// SuggestionDecided is a person's answer. State is where the suggestion stands after it.
	SuggestionDecided struct {
		ID     string `json:"id"`
		Choice string `json:"choice"`
		State  string `json:"state"`
		Reason string `json:"reason,omitempty"`
		Digest string `json:"digest"`
	}
	// SuggestionMoved is a change of state that was not a person's answer: a lapse, a return, an end.
	SuggestionMoved struct {
		ID    string `json:"id"`
		State string `json:"state"`
		Note  string `json:"note,omitempty"`
	}
	// RunQueued: a run waits for the one before it in the same place.
	RunQueued struct {
		Run        string `json:"run"`
		Suggestion string `json:"suggestion"`
	}
	// RunStarted: the run is claimed; it may have begun.
	RunStarted struct {
		Run        string `json:"run"`
		Suggestion string `json:"suggestion"`
		Command    string `json:"command"`
		Scope      string `json:"scope"`
	}
	// RunEnded: what came of it.
	RunEnded struct {
		Run        string  `json:"run"`
		Suggestion string  `json:"suggestion"`
		State      string  `json:"state"` // of the suggestion
		Outcome    Outcome `json:"outcome"`
	}
	// Outcome is what happened when something ran. Output is clipped to what an agent is sent.
	Outcome struct {
		ExitCode  *int      `json:"exit_code"`
		Signal    string    `json:"signal,omitempty"`
		TimedOut  bool      `json:"timed_out,omitempty"`
		Stopped   bool      `json:"stopped,omitempty"`
		Unknown   bool      `json:"unknown,omitempty"`
		Output    string    `json:"output"`
		Truncated bool      `json:"truncated,omitempty"`
		StartedAt time.Time `json:"started_at"`
		EndedAt   time.Time `json:"ended_at"`
		By        By        `json:"by"`
	}

	// TerminalOpened: somebody opened a shared terminal.
	TerminalOpened struct {
		Terminal string `json:"terminal"`
		Scope    string `json:"scope"`
		Place    string `json:"place"`
		Title    string `json:"title"`
	}
	// TerminalEnded: its shell ended; its recording stays.
	TerminalEnded struct {
		Terminal string `json:"terminal"`
		Reason   string `json:"reason,omitempty"`
		ExitCode *int   `json:"exit_code,omitempty"`
	}
	// WorkspaceOpened: the ticket has an empty directory.
	WorkspaceOpened struct {
		Number int `json:"number"`
	}
	// WorkspaceRemoved: the directory and all in it are gone.
	WorkspaceRemoved struct {
		Number int `json:"number"`
		Files  int `json:"files"`
	}
	// FileChanged: a file was written or deleted through HelpDesk.
	FileChanged struct {
		Path   string `json:"path"`
		Change string `json:"change"` // written or deleted
		Size   int64  `json:"size,omitempty"`
		SHA256 string `json:"sha256,omitempty"`
	}
)

func (TicketCreated) fact()       {}
func (TicketRenamed) fact()       {}
func (TicketStatusChanged) fact() {}
func (TicketAssigned) fact()      {}
func (TicketDeleted) fact()       {}
func (TicketRestored) fact()      {}
func (MessagePosted) fact()       {}
func (TurnQueued) fact()          {}
func (TurnStarted) fact()         {}
func (TurnSent) fact()            {}
func (TurnEnded) fact()           {}
func (TurnsHeld) fact()           {}
func (TurnsReleased) fact()       {}
func (ReasoningRecorded) fact()   {}
func (ActivityRecorded) fact()    {}
func (PlanStated) fact()          {}
func (LinkOffered) fact()         {}
func (QuestionAsked) fact()       {}
func (SuggestionProposed) fact()  {}
func (SuggestionDecided) fact()   {}
func (SuggestionMoved) fact()     {}
func (RunQueued) fact()           {}
func (RunStarted) fact()          {}
func (RunEnded) fact()            {}
func (TerminalOpened) fact()      {}
func (TerminalEnded) fact()       {}
func (WorkspaceOpened) fact()     {}
func (WorkspaceRemoved) fact()    {}
func (FileChanged) fact()         {}
