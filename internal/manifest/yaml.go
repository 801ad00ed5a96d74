package manifest

import (
	"fmt"
	"strconv"
	"strings"
)

// YAML returns the manifest in YAML, with a comment on each scope. Optional
// ones that it doesn't ask for are there to be uncommented.
func YAML(o Options) []byte {
	d := of(o)
	w := &yaml{}
	w.comment("The Slack app for teleport-slack. Paste it at https://api.slack.com/apps:")
	w.comment("Create New App, From a manifest.")
	w.open(0, "display_information")
	w.text(1, "name", d.Display.Name)
	w.text(1, "description", d.Display.Description)
	w.text(1, "background_color", d.Display.Background)
	w.open(0, "features")
	w.open(1, "app_home", "direct messages from the app, read-only")
	w.flag(2, "home_tab_enabled", d.Features.Home.HomeTab)
	w.flag(2, "messages_tab_enabled", d.Features.Home.Messages)
	w.flag(2, "messages_tab_read_only_enabled", d.Features.Home.ReadOnly)
	w.open(1, "bot_user", "name for invitations: /invite @"+d.Features.Bot.Name)
	w.text(2, "display_name", d.Features.Bot.Name)
	w.flag(2, "always_online", d.Features.Bot.Online)
	w.open(0, "oauth_config")
	w.open(1, "scopes")
	w.open(2, "bot")
	w.scopes(3, o)
	w.open(0, "settings")
	w.open(1, "interactivity", because(o.Review, "the buttons in messages", "only needed with review.enabled"))
	w.flag(2, "is_enabled", d.Settings.Interactivity.Enabled)
	w.flag(1, "org_deploy_enabled", d.Settings.Org, "one workspace")
	w.flag(1, "socket_mode_enabled", d.Settings.SocketMode,
		because(o.Review, "needs an app-level token with "+AppScope+": Basic Information, App-Level Tokens", "only needed with review.enabled"))
	w.flag(1, "token_rotation_enabled", d.Settings.Rotation, "rotating tokens expire after twelve hours")
	return []byte(w.b.String())
}

func because(on bool, yes, no string) string {
	if on {
		return yes
	}
	return no
}

// yaml writes the little of YAML that a manifest needs. Texts are in double
// quotes, whose escapes are JSON's and Go's for what is in here.
type yaml struct{ b strings.Builder }

func (y *yaml) comment(text string) { fmt.Fprintf(&y.b, "# %s\n", text) }

func (y *yaml) line(depth int, text string, why []string) {
	y.b.WriteString(strings.Repeat("  ", depth) + text)
	for _, w := range why {
		y.b.WriteString("  # " + w)
	}
	y.b.WriteByte('\n')
}

func (y *yaml) open(depth int, key string, why ...string) { y.line(depth, key+":", why) }

func (y *yaml) text(depth int, key, value string) {
	y.line(depth, key+": "+strconv.Quote(value), nil)
}

func (y *yaml) flag(depth int, key string, value bool, why ...string) {
	y.line(depth, key+": "+strconv.FormatBool(value), why)
}

func (y *yaml) scopes(depth int, o Options) {
	for _, s := range scopes {
		why := s.For
		if s.Need == Optional && !(o.Mentions && s.Purpose == Mentioning) {
			why = "optional: " + why
		}
		item := "- " + s.Name
		if !o.asksFor(s) {
			item = "# " + item
		}
		y.line(depth, item, []string{why})
	}
}
