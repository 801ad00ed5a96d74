package config

import (
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// review reads [review]. A typing mistake in it could let the wrong people
// approve, so an unknown key is an error here, even with enabled = false.
func (r *reader) review(s *section) Review {
	s.strict = true
	var c Review
	var token, trait, email field
	c.Enabled, _ = s.flag("enabled")
	c.AppToken, c.AppTokenPath, token = r.token(s, "app_token", !c.Enabled)
	c.SlackUserIDTrait, trait = s.text("slack_user_id_trait")
	c.AllowEmailUsernameMatch, email = s.flag("allow_email_username_match")
	c.Roles = r.rolePatterns(s, "roles")
	c.ExceptRoles = r.rolePatterns(s, "except_roles")
	c.RequireReason = r.requireReason(s)
	c.Confirm, _ = s.flag("confirm")
	if !c.Enabled {
		return c
	}
	const do = "make an app-level token (xapp-) with connections:write on the app's page, under Basic Information"
	switch {
	case token.wrong:
	case c.AppToken.IsZero():
		r.problem(token, do, "missing required value")
	default:
		switch kindOf(c.AppToken.Reveal()) {
		case placeholderToken:
			r.problem(token, do, "is still the example's placeholder, expected an app-level token")
		case botToken, rotatedToken, userToken:
			r.problem(token, do, "is not an app-level token: it begins like a bot or user token, expected xapp-")
		case otherToken:
			r.warn(token, do, "does not look like an app-level token (xapp-)")
		}
	}
	switch {
	case trait.wrong || email.wrong:
	case c.SlackUserIDTrait == "" && !c.AllowEmailUsernameMatch:
		r.problem(trait, "set up a Teleport trait that holds the Slack user ID (preferred), or enable review.allow_email_username_match (less secure)",
			"missing required value")
	case c.SlackUserIDTrait != strings.TrimSpace(c.SlackUserIDTrait):
		r.problem(trait, "remove the spaces", "has spaces around it, which no trait has")
	}
	return c
}

// requireReason reads which decisions need a reason.
func (r *reader) requireReason(s *section) access.ReasonPolicy {
	text, f := s.text("require_reason")
	switch strings.ToLower(text) {
	case "", "deny":
	case "always":
		return access.ReasonAlways
	case "never":
		return access.ReasonNever
	default:
		r.problem(f, "", `is %s, expected "deny", "always" or "never"`, quote(text))
	}
	return access.ReasonToDeny
}

// rolePatterns reads a string or a list of strings, which are role names with
// * for any run of characters. A mistake is always an error: a role that was left
// out of except_roles would get buttons.
func (r *reader) rolePatterns(s *section, name string) []string {
	const do = `write role names in quotes, such as ["dev", "staging-*"]`
	e, f := s.find(name)
	if e == nil {
		return nil
	}
	items := []value{e.val}
	switch e.val.kind {
	case unstable.String:
		if e.val.text == "" {
			return nil // the same as leaving it out, as everywhere
		}
	case unstable.Array:
		items = e.val.items
		if len(items) == 0 && name == "roles" {
			r.warn(f, "leave it out to say so, or name roles", "is an empty list: requests for every role get buttons")
		}
	default:
		r.problem(f, do, "is %s, expected a string or a list of strings", e.val.describe())
		return nil
	}
	var patterns []string
	for _, item := range items {
		at := field{key: f.key, at: item.at}
		switch {
		case item.kind != unstable.String:
			r.problem(at, do, "has %s in it, expected a string", item.describe())
		case item.text == "" || item.text != strings.TrimSpace(item.text):
			r.problem(at, do, "has %s in it, which is not a role name", quote(item.text))
		default:
			patterns = append(patterns, item.text)
		}
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}
