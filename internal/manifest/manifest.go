package manifest

import (
	"bytes"
	"encoding/json"
)

// Options say what the app shall be able to do.
type Options struct {
	Review   bool // decisions by buttons in Slack
	Mentions bool // user groups by their handles
	All      bool // ask for the optional scopes as well
}

// document is a manifest as Slack's schema has it.
// https://docs.slack.dev/reference/app-manifest
type document struct {
	Display  display  `json:"display_information"`
	Features features `json:"features"`
	OAuth    oauth    `json:"oauth_config"`
	Settings settings `json:"settings"`
}

// display is how the app looks: a name of up to 35 characters, a description
// of up to 140, and a background that is dark enough for white letters.
type display struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Background  string `json:"background_color"`
}

type features struct {
	Home home    `json:"app_home"`
	Bot  botUser `json:"bot_user"`
}

// home has the tab for direct messages from the app; people only read there.
type home struct {
	HomeTab  bool `json:"home_tab_enabled"`
	Messages bool `json:"messages_tab_enabled"`
	ReadOnly bool `json:"messages_tab_read_only_enabled"`
}

type botUser struct {
	Name   string `json:"display_name"` // a-z, 0-9, "-", "_" and "." alone
	Online bool   `json:"always_online"`
}

type oauth struct {
	Scopes struct {
		Bot []string `json:"bot"`
	} `json:"scopes"`
}

type settings struct {
	Interactivity struct {
		Enabled bool `json:"is_enabled"`
	} `json:"interactivity"`
	Org        bool `json:"org_deploy_enabled"`
	SocketMode bool `json:"socket_mode_enabled"`
	Rotation   bool `json:"token_rotation_enabled"`
}

func of(o Options) document {
	d := document{
		Display: display{
			Name:        "Teleport",
			Description: "Posts Teleport access requests: who requests what, who can review it, and the outcome.",
			Background:  "#34246b",
		},
		Features: features{
			Home: home{Messages: true, ReadOnly: true},
			Bot:  botUser{Name: "teleport", Online: true},
		},
	}
	d.OAuth.Scopes.Bot = []string{}
	for _, s := range scopes {
		if o.asksFor(s) {
			d.OAuth.Scopes.Bot = append(d.OAuth.Scopes.Bot, s.Name)
		}
	}
	d.Settings.Interactivity.Enabled = o.Review
	d.Settings.SocketMode = o.Review
	return d
}

func (o Options) asksFor(s Scope) bool {
	return o.All || s.Need != Optional || o.Mentions && s.Purpose == Mentioning
}

// JSON returns the manifest in JSON, which has no comments.
func JSON(o Options) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(of(o)); err != nil {
		panic(err) // strings and booleans: can't be
	}
	return b.Bytes()
}
