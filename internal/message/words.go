package message

import "github.com/teleport-slack/teleport-slack/internal/access"

// byState has a text for each access.State.
type byState [access.Expired + 1]string

// of returns the text for s. A state beyond the known ones can't come out of
// the adapter; should it, it reads as undecided rather than as a decision.
func (b byState) of(s access.State) string {
	if int(s) >= len(b) {
		s = access.Pending
	}
	return b[s]
}

// count is a word for one and for several.
type count struct{ one, many string }

func (c count) of(n int) string {
	if n == 1 {
		return c.one
	}
	return c.many
}

// phrases are all words that messages are made of. Values that are formatted
// into them are numbered, so that another language can order them its own way.
type phrases struct {
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
	expires, lasts, until, starts                             string
	link, approve, deny, details, logIn                       string
	status, resolutionReason, accessList                      string

	lastsUntil  string // [1] a duration, [2] a date
	more        string // [1] how many
	moreLines   string // [1] how many; a line of its own
	truncated   string
	empty       string
	noLogins    string
	emoji       byState
	decided     byState // one capitalised word, before a colon
	approvals   string  // [1] how many
	denials     string
	ofNeeded    string // [1] how many, [2] of how many
	threshold   string // [1] its number, for one without a name
	day         count
	hour        count
	minute      count
	aRole       string // before a role's name, in a sentence
	someRoles   string
	someAccess  string // when a request names neither role nor resource
	someCluster string // when the cluster has no name

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
}

// english has the published plugin's words where it has any; people and
// dashboards know them.
var english = phrases{
	newTitle:         "You have a new %[1]s:",
	oldTitle:         "%[1]s:", // the same noun, so that a search for it finds both
	roleNoun:         "Role Request",
	resourceNoun:     "Resource Request",
	longTermNoun:     "Resource Request (long-term access)",
	yourRoleNoun:     "role request",
	yourResourceNoun: "resource request",
	yourLongTermNoun: "resource request (long-term access)",
	yourTitle: byState{
		access.Pending:  "Your %[1]s was received:",
		access.Approved: "Your %[1]s was approved:",
		access.Denied:   "Your %[1]s was denied:",
		access.Promoted: "Your %[1]s was promoted to an access list:",
		access.Expired:  "Your %[1]s expired:",
	},

	id: "ID", cluster: "Cluster", user: "User",
	role: "Role", logins: "Login(s)", roles: "Role(s)", resources: "Resource(s)", reason: "Reason",
	suggested: "Suggested reviewer(s)",
	asked:     "Asked to decide",
	expires:   "Request expires",
	lasts:     "Access would last",
	until:     "Access until",
	starts:    "Access starts",
	link:      "Link", approve: "Approve", deny: "Deny", details: "Details", logIn: "Log in",
	status: "Status", resolutionReason: "Resolution reason", accessList: "Access list",

	lastsUntil: "%[1]s, until %[2]s",
	more:       " and %[1]d more",
	moreLines:  "and %[1]d more",
	truncated:  " (truncated)",
	empty:      "(empty)",
	noLogins:   "-",
	emoji:      byState{access.Pending: "⏳", access.Approved: "✅", access.Denied: "❌", access.Expired: "⌛"},
	decided: byState{
		access.Pending:  "Pending",
		access.Approved: "Approved",
		access.Denied:   "Denied",
		access.Promoted: "Promoted",
		access.Expired:  "Expired",
	},
	approvals:   "Approvals %[1]s",
	denials:     "Denials %[1]s",
	ofNeeded:    "%[1]d of %[2]d",
	threshold:   "threshold %[1]d",
	day:         count{"day", "days"},
	hour:        count{"hour", "hours"},
	minute:      count{"minute", "minutes"},
	aRole:       "role ",
	someRoles:   "roles ",
	someAccess:  "access",
	someCluster: "Teleport",

	textNew:     "%[1]s requests %[2]s in %[3]s",
	textDecided: "%[4]s: %[1]s requested %[2]s in %[3]s",
	textYours: byState{
		access.Pending:  "Your request for %[2]s in %[3]s was received",
		access.Approved: "Your request for %[2]s in %[3]s was approved",
		access.Denied:   "Your request for %[2]s in %[3]s was denied",
		access.Promoted: "Your request for %[2]s in %[3]s was promoted to an access list",
		access.Expired:  "Your request for %[2]s in %[3]s expired",
	},
	textReason: "%[1]s: %[2]s",

	reviewed:             "%[1]s reviewed the request at %[2]s.",
	reviewedUndated:      "%[1]s reviewed the request.",
	reviewedYours:        "%[1]s reviewed your request at %[2]s.",
	reviewedYoursUndated: "%[1]s reviewed your request.",
	resolution:           "Resolution: %[1]s.",
	reviewReason:         "Reason: %[1]s",
	final:                "Request with ID \"%[1]s\" has been updated: *%[2]s*",
	finalYours: byState{
		access.Pending:  "⏳ Your %[1]s is still waiting for a decision.",
		access.Approved: "✅ Your %[1]s was approved.",
		access.Denied:   "❌ Your %[1]s was denied.",
		access.Promoted: "Your %[1]s was promoted to an access list, whose access lasts without a request.",
		access.Expired:  "⌛ Your %[1]s expired before anyone decided it.",
	},
	minimal:          "%[1]s %[2]s: %[3]s requests %[4]s. %[5]s",
	minimalYours:     "%[1]s %[2]s: your request as %[3]s for %[4]s. %[5]s",
	minimalReference: "ID %[1]s",
}
