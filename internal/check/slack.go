package check

import (
	"context"
	"slices"
	"strings"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/manifest"
)

// Workspace is the Slack workspace and bot of the bot token.
type Workspace struct {
	Team   string
	URL    string
	Bot    string   // the bot's name for /invite @
	User   bool     // a person's token, not a bot's
	Scopes []string // sorted; nil if Slack doesn't say
}

// Token checks the bot token.
func Token(auth func(context.Context) (Workspace, error)) Check {
	return Check{Name: "slack token", Run: func(ctx context.Context) []Finding {
		w, err := auth(ctx)
		if err != nil {
			f := failed(err)
			if f.Hint == "" {
				f.Hint = "check that this machine reaches slack.api_url, and the proxy in HTTPS_PROXY if it needs one"
			}
			return []Finding{f}
		}
		if w.User {
			return []Finding{odd("use the bot token that begins with xoxb-", "of a person, not of a bot: %s in %s (%s)", w.Bot, w.Team, w.URL)}
		}
		return []Finding{good("bot @%s in %s (%s)", w.Bot, w.Team, w.URL)}
	}}
}

const hintScope = "add it under OAuth & Permissions (or create the app's manifest again: teleport-slack manifest), then reinstall the app"

// Scopes compares the token's scopes with those that the program uses.
func Scopes(has func() []string) Check {
	return Check{Name: "slack scopes", Needs: []string{"slack token"}, Run: func(context.Context) []Finding {
		scopes := has()
		if scopes == nil {
			return []Finding{odd("", "Slack doesn't say which scopes the token has")}
		}
		var found []Finding
		known := []string{manifest.PublicScope}
		for _, s := range manifest.Scopes() {
			known = append(known, s.Name)
			switch {
			case slices.Contains(scopes, s.Name):
				found = append(found, good("%s: %s", s.Name, s.For))
			case s.Need == manifest.Required:
				found = append(found, bad(hintScope, "%s: missing, and without it %s", s.Name, s.Without))
			case s.Need == manifest.Wanted:
				found = append(found, odd(hintScope, "%s: missing, and without it %s", s.Name, s.Without))
			default:
				found = append(found, good("%s: not granted, optional: %s", s.Name, s.For))
			}
		}
		var unused []string
		for _, scope := range scopes {
			if !slices.Contains(known, scope) {
				unused = append(unused, scope)
			}
		}
		if len(unused) > 0 {
			found = append(found, good("%s: granted, but not used", list(unused)))
		}
		return found
	}}
}

// Poster posts to a recipient.
type Poster func(ctx context.Context, to, text string) error

// TestMessage is the text of the test message.
const TestMessage = "This is a test message of `teleport-slack check`. Access requests will appear here."

// Send posts the test message.
func Send(to string, post Poster) Check {
	return Check{Name: "test message", Needs: []string{"slack token"}, Run: func(ctx context.Context) []Finding {
		if err := post(ctx, to, TestMessage); err != nil {
			f := failed(err)
			if fault.Is(err, fault.Unknown) {
				f.Hint = "it may have arrived: look before trying again"
			}
			return []Finding{f}
		}
		return []Finding{good("sent to %s", strings.TrimSpace(to))}
	}}
}
