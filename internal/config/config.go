// Package config reads the TOML file: defaults, checks and secrets.
//
// The file is the published plugin's, key for key, so that an installation
// can swap the binary and nothing else. What differs is how mistakes are
// told: all at once, each with its key, its place in the file and what to do
// about it. To that end the file is not decoded into a struct, where the
// first wrong type hides the rest, but read key by key from a tree that
// remembers positions.
//
// Invariants: a Config that Parse returned without an error is complete, with
// every default filled in; no error, warning or printed form of a Config
// contains a token.
//
// It dials nothing and opens only the configuration file and the files with
// tokens and certificate authorities that it names: whether the identity is there and valid is for package
// teleport to find out, since tbot may still be writing it.
package config

import (
	"log/slog"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/message"
)

// DefaultPath is where the file is looked for when nothing is said.
const DefaultPath = "/etc/teleport-slack.toml"

// The defaults of the published plugin.
const (
	DefaultAddr            = "localhost:3025"
	DefaultRefreshInterval = time.Minute
	DefaultAPIURL          = "https://slack.com/api/"
)

// Config is the whole file. A field whose key Changes would not guess from its
// name has it in a tag.
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

// Teleport is the [teleport] section: where the cluster is and who we are.
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
	// OnlyMonitoringRules says that access monitoring rules are the only
	// routing wanted, so that role_to_recipients may be empty or lack "*".
	OnlyMonitoringRules bool
}

// Messages is the [messages] section, which the published plugin does not have.
type Messages struct {
	message.Style
	// Requester says that who asks gets a message of their own.
	Requester bool
	// AccessEndsNotice is how long before its end requesters are told that
	// their access will end; zero for not at all.
	AccessEndsNotice time.Duration
	// AccessEndedNotice says that requesters are told that access has ended.
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
