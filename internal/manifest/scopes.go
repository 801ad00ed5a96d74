// Package manifest describes the Slack app that this program needs: the scopes with
// their purposes, and the app manifest.
//
// The table of scopes exists only here. The manifest requests them, the checks and
// the log report missing ones, and a test compares the reference with them.
//
// Invariants: a manifest requests only scopes that an enabled feature uses, and
// optional ones only on request. It contains no secrets.
//
// The package reads no configuration file and makes no API calls.
package manifest

// Need is how important a scope is.
type Need uint8

// The needs, the strongest first.
const (
	Required Need = iota // nothing works
	Wanted               // an expected feature does not work
	Optional             // an extra feature does not work
)

// Purpose is what kind of thing a scope is for.
type Purpose uint8

// The purposes.
const (
	Posting    Purpose = iota // messages, and what is on them
	People                    // who is who
	Recovering                // finding a post whose answer was lost
	Mentioning                // user groups, where the configuration names some
)

// Scope is a permission of the bot token.
type Scope struct {
	Name    string
	Need    Need
	Purpose Purpose
	For     string // what it is for
	Without string // the consequence without it
}

// PublicScope lets an app post to public channels that it isn't in. No
// manifest asks for it, since an invitation does the same for one channel; the
// checks take it into account where it is there.
const PublicScope = "chat:write.public"

// AppScope is the scope of the app-level token, which Socket Mode wants. A
// manifest can't give it: such tokens are made by hand.
const AppScope = "connections:write"

// scopes are those that the program can make use of, in the order in which
// they are worth having.
var scopes = []Scope{
	{"chat:write", Required, Posting, "posting and editing messages", "nothing can be posted"},
	{"users:read.email", Wanted, People, "finding people by email, for direct messages", "people can't be found by email, and get no direct messages"},
	{"users:read", Wanted, People, "required by Slack together with users:read.email", "people can't be found by email, and get no direct messages"},
	{"reactions:write", Optional, Posting, "✅ and ❌ on decided requests", "there are no ✅ and ❌ reactions; messages still show the outcome"},
	{"channels:read", Optional, Recovering, "looking up public channels by name, and whether the app is in them", "channels can't be checked before the first post"},
	{"groups:read", Optional, Recovering, "the same for private channels that the app is in", "private channels can't be checked before the first post"},
	{"channels:history", Optional, Recovering, "finding out after a crash whether a message was posted", "the message is posted again"},
	{"groups:history", Optional, Recovering, "the same in private channels", "the message is posted again"},
	{"im:history", Optional, Recovering, "the same in direct messages", "the message is posted again"},
	{"im:write", Optional, Recovering, "opening direct messages, for the same purpose", "the message is posted again"},
	{"usergroups:read", Optional, Mentioning, "mentioning user groups by their handle", "messages have a group's handle as plain text; its ID still works"},
}

// Scopes returns the bot token's scopes, those that matter most first.
func Scopes() []Scope { return append([]Scope(nil), scopes...) }
