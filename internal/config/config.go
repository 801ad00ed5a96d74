// Package config reads the TOML file: defaults, checks and secrets.
//
// The keys are those of the published plugin, so that an installation can switch
// by swapping the binary. All mistakes are reported at once, each with its key,
// its place in the file and what to do. For that, the file is not decoded into a
// struct, where the first wrong type hides the rest, but read key by key from a
// tree with positions.
//
// Invariants: a Config that Parse returned without an error is complete, with
// every default filled in; no error, warning or printed form of a Config
// contains a token.
//
// It makes no connection, and opens only the configuration file and the files
// with tokens and certificate authorities that it names. Package teleport checks
// the identity, since tbot may write it later.
package config

import (
	"log/slog"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message"
)

// DefaultPath is the path of the file if none is given.
const DefaultPath = "/etc/teleport-slack.toml"

// The defaults of the published plugin.
const (
	DefaultAddr            = "localhost:3025"
	DefaultRefreshInterval = time.Minute
	DefaultAPIURL          = "https://slack.com/api/"
)

// Config is the whole file. A field whose key can't be derived from its name has
// the key in a tag.
type Config struct {
	Teleport   Teleport
	Slack      Slack
	Review     Review
	Recipients map[string][]string `key:"role_to_recipients"` // role → recipients as written: channels, emails, IDs; "*" is the fallback; never nil
	Routing    Routing
	Messages   Messages
	Reminders  Reminders
	Log        Log
	HTTP       HTTP
	Path       string `key:"-"` // where it was read from
}

// Teleport is the [teleport] section: the cluster's address and our credentials.
// Either Identity is set, or all of ClientKey, ClientCrt and RootCAs.
type Teleport struct {
	Addr                    string // host:port of an Auth server or a Proxy
	Identity                string // path of the identity file
	RefreshIdentity         bool
	RefreshIdentityInterval time.Duration // above zero
	ClientKey               string        // path
	ClientCrt               string        // path
	RootCAs                 string        `key:"root_cas"` // path
}

// Slack is the [slack] section.
type Slack struct {
	Token     Secret // bot token, xoxb-…
	TokenPath string `key:"token"`   // the file that Token was read from; empty if it stood in the configuration
	APIURL    string `key:"api_url"` // ends in a slash
	CAFile    string // path
	ExtraCAs  []byte `key:"ca_file"` // the certificates in it, PEM; empty without one
}

// Review is the [review] section: deciding requests from within Slack.
type Review struct {
	Enabled                 bool
	AppToken                Secret // app-level token, xapp-…
	AppTokenPath            string `key:"app_token"` // the file that AppToken was read from, as for Slack.TokenPath
	SlackUserIDTrait        string // Teleport trait that holds a user's Slack ID
	AllowEmailUsernameMatch bool   // accept a Slack email that equals the Teleport username

	// What the published plugin does not have.
	Roles         []string // patterns of roles that can be decided in Slack; empty for all
	ExceptRoles   []string // patterns of roles that can't
	RequireReason access.ReasonPolicy
	Confirm       bool // ask again before a decision without a reason
}

// Buttons returns which requests can be decided in Slack, and how.
func (r Review) Buttons() access.Buttons {
	return access.Buttons{On: r.Enabled, Only: r.Roles, Except: r.ExceptRoles, Reason: r.RequireReason, Confirm: r.Confirm}
}

// Routing is the [routing] section, which the published plugin does not have.
type Routing struct {
	// OnlyMonitoringRules allows role_to_recipients to be empty or to lack "*",
	// because access monitoring rules do all the routing.
	OnlyMonitoringRules bool
}

// Messages is the [messages] section, which the published plugin does not have.
type Messages struct {
	message.Style
	// Requester turns on the direct message to the requester.
	Requester bool
	// AccessEndsNotice is how long before the end of access the requester gets a
	// notice; zero for no notice.
	AccessEndsNotice time.Duration
	// AccessEndedNotice turns on the notice to the requester at the end of access.
	AccessEndedNotice bool
}

// Log is the [log] section.
type Log struct {
	Output   string // stderr, stdout, or the path of a file to append to
	Severity slog.Level
	Format   Format
}

// Format is how log lines are written.
type Format uint8

// The formats.
const (
	Text Format = iota
	JSON
)

// String returns the format as the file spells it.
func (f Format) String() string {
	if f == JSON {
		return "json"
	}
	return "text"
}
