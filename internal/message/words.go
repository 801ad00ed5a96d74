package message

import "github.com/teleport-slack/teleport-slack/internal/access"

// byState has a text for each access.State.
type byState [access.Expired + 1]string

// of returns the text for s. The adapter returns known states only; an unknown
// one reads as undecided rather than as a decision.
func (b byState) of(s access.State) string {
	if int(s) >= len(b) {
		s = access.Pending
	}
	return b[s]
}

// counted is a text with a number in it, [1], in each form that the language's
// plural tells apart.
type counted []string

// byDecision has a text for each access.Decision.
type byDecision [access.Deny + 1]string

func (b byDecision) of(d access.Decision) string { return b[d] }

// byAnswer has a text for each Answer that has but one.
type byAnswer [answers]string

// phrases are all texts of messages in one language. Values that are formatted
// into them are numbered, so that each language can order them.
// Its fields are all texts, so that the compiler finds one that a language lacks.
type phrases struct {
	language Language
	// plural returns which form of a counted text belongs to n.
	plural func(n int) int
	// dateLayout is how time.Format writes a moment, for readers whose Slack
	// can't show it in their own time zone. " UTC" follows.
	dateLayout string
	state      byState // name of a state

	// Titles. [1] is a noun.
	newTitle, oldTitle             string
	yourTitle                      byState
	roleNoun, resourceNoun         string
	longTermNoun                   string
	yourRoleNoun, yourResourceNoun string
	yourLongTermNoun               string

	// Labels of fields.
	id, cluster, user, role, logins, roles, resources, reason string
	suggested, asked                                          string
	expires, lasts, until, starts, ended                      string
	link, approve, deny, details, logIn                       string
	status, resolutionReason, accessList, recommended         string

	principals  string // [1] a resource, [2] logins or roles that are asked for on it
	unread      string // [1] what of a request can't be read
	lastsUntil  string // [1] a duration, [2] a date
	more        string // [1] how many
	moreLines   string // [1] how many; a line of its own
	truncated   string
	empty       string
	noLogins    string
	fromTraits  string // logins that are not known
	emoji       byState
	decided     byState // one capitalised word, before a colon
	approvals   string  // [1] how many
	denials     string
	ofNeeded    string // [1] how many, [2] of how many
	threshold   string // [1] its number, for one without a name
	days        counted
	hours       counted
	minutes     counted
	oneRole     string // [1] its name, in a sentence
	manyRoles   string // [1] their names
	theseRes    string // [1] names of resources
	someAccess  string // for a request without roles and resources
	someCluster string // for a cluster without a name
	over        string // behind the state, once approved access has ended

	// The line for notifications. [1] user, [2] what, [3] cluster, [4] decided.
	textNew, textDecided string
	textYours            byState
	textReason           string // [1] the line, [2] the reason

	// Thread replies.
	reviewed, reviewedYours string  // [1] author, [2] date
	reviewedUndated         string  // [1] author
	reviewedYoursUndated    string  // [1] author
	resolution              string  // [1] state with its emoji
	reviewReason            string  // [1] the reason
	final                   string  // [1] ID, [2] state
	finalYours              byState // [1] noun
	minimal, minimalYours   string  // [1] emoji, [2] state, [3] user, [4] what, [5] link
	minimalReference        string  // [1] ID, where there is no link
	accessEnds, accessEnded string  // [1] noun, [2] date

	// Deciding in Slack.
	decidedBy          string // label
	inSlack            string // after a name or a decision
	decisionLabel      byDecision
	decisionAccessible byDecision
	decisionTitle      byDecision // at most 24 characters
	cancel             string
	reasonHint         string
	reasonMissing      string
	answer             byAnswer
	answerDone         byDecision
	answerNow          string // [1] state; a sentence of its own
	answerWaits        string
	answerDecided      string // [1] state
	answerDecidedBy    string // [1] state, [2] names

	// Reminders of pending requests. [1] is how long they have been pending.
	reminder, escalation               string
	reminderUndated, escalationUndated string

	// Reminders of access list reviews.
	listDue, listPast   string // [1] title, [2] date or days past
	listsDue, listsPast string // [1] how many, [2] date or days past
}
