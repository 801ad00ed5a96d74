package message

import "github.com/teleport-slack/teleport-slack/internal/access"

// english has the published plugin's words where it has any; people and
// dashboards know them.
var english = phrases{
	language: English,
	plural: func(n int) int {
		if n == 1 {
			return 0
		}
		return 1
	},
	dateLayout: "2 Jan 2006 15:04",
	state: byState{
		access.Pending: "PENDING", access.Approved: "APPROVED", access.Denied: "DENIED",
		access.Promoted: "PROMOTED", access.Expired: "EXPIRED",
	},

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
	ended:     "Access ended",
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
	days:        counted{"%[1]d day", "%[1]d days"},
	hours:       counted{"%[1]d hour", "%[1]d hours"},
	minutes:     counted{"%[1]d minute", "%[1]d minutes"},
	oneRole:     "role %[1]s",
	manyRoles:   "roles %[1]s",
	theseRes:    "%[1]s",
	someAccess:  "access",
	someCluster: "Teleport",
	over:        " · access ended",

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
	accessEnds:       "⏰ The access from your %[1]s ends at %[2]s.",
	accessEnded:      "⌛ The access from your %[1]s ended at %[2]s.",
}
