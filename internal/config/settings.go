package config

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
)

// read turns the tree into a Config, section by section.
func (r *reader) read(tree *table) Config {
	root := &section{r: r, table: tree, taken: map[string]bool{}}
	r.sections = append(r.sections, root)
	c := Config{
		Teleport: r.teleport(root.section("teleport")),
		Slack:    r.slack(root.section("slack")),
		Review:   r.review(root.section("review")),
	}
	c.Routing.OnlyMonitoringRules, _ = root.section("routing").flag("only_monitoring_rules")
	c.Recipients = r.recipients(root, c.Routing.OnlyMonitoringRules)
	c.Messages = r.messages(root.section("messages"))
	c.Log = r.log(root.section("log"))
	return c
}

func (r *reader) slack(s *section) Slack {
	var c Slack
	var f field
	c.Token, c.TokenPath, f = r.token(s, "token", false)
	if !f.wrong {
		r.checkBotToken(f, c.Token)
	}
	c.APIURL = r.apiURL(s)
	r.legacyRecipients(s)
	return c
}

// checkBotToken says what is wrong with slack.token before Slack says
// "invalid_auth".
func (r *reader) checkBotToken(f field, token Secret) {
	const do = "copy the bot token that begins with xoxb- from the app's page, under OAuth & Permissions"
	if token.IsZero() {
		r.problem(f, do, "missing required value")
		return
	}
	switch kindOf(token.Reveal()) {
	case botToken:
	case placeholderToken:
		r.problem(f, do, "is still the example's placeholder, expected a bot token")
	case appToken:
		r.problem(f, do, "is an app-level token (xapp-), which cannot post, expected a bot token (xoxb-)")
	case userToken:
		r.warn(f, do, "is a user token (xoxp-): messages appear as that person's, expected a bot token (xoxb-)")
	case rotatedToken:
		r.warn(f, "turn token rotation off for the app, and install it again",
			"is a token that Slack lets expire after hours, expected one that lasts (xoxb-)")
	case otherToken:
		r.warn(f, do+"; a file needs an absolute path", "does not look like a bot token (xoxb-)")
	}
}

// apiURL reads the address of Slack's API. The published plugin knows it as
// APIURL, since its field had no name of its own.
func (r *reader) apiURL(s *section) string {
	text, f := s.text("api_url", "APIURL")
	if f.wrong || text == "" {
		return DefaultAPIURL
	}
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Host == "", u.Scheme != "https" && u.Scheme != "http":
		r.problem(f, fmt.Sprintf("leave it out for %s", DefaultAPIURL), "is %s, expected an address such as %q", quote(text), DefaultAPIURL)
		return DefaultAPIURL
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		r.problem(f, "give the scheme, the host and the path alone", "has a user, a query or a fragment in it, expected none")
		return DefaultAPIURL
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		r.warn(f, "use https://", "sends the token unencrypted to %s", u.Hostname())
	}
	return strings.TrimRight(text, "/") + "/"
}

func (r *reader) review(s *section) Review {
	s.strict = true
	var c Review
	var enabled, token, trait, email field
	c.Enabled, enabled = s.flag("enabled")
	c.AppToken, c.AppTokenPath, token = r.token(s, "app_token", !c.Enabled)
	c.SlackUserIDTrait, trait = s.text("slack_user_id_trait")
	c.AllowEmailUsernameMatch, email = s.flag("allow_email_username_match")
	if !c.Enabled {
		return c
	}
	r.warn(enabled, "messages link to the request instead; set it to false to silence this",
		"native review is not part of this version: buttons stay off")
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
	if c.SlackUserIDTrait == "" && !c.AllowEmailUsernameMatch && !trait.wrong && !email.wrong {
		r.problem(trait, "set up a Teleport trait that holds the Slack user ID (preferred), or enable review.allow_email_username_match (less secure)",
			"missing required value")
	}
	return c
}

func (r *reader) log(s *section) Log {
	c := Log{Severity: slog.LevelInfo}
	output, _ := s.text("output")
	switch output {
	case "", "stderr", "error", "2":
		c.Output = "stderr"
	case "stdout", "out", "1":
		c.Output = "stdout"
	default:
		c.Output = output
	}
	severity, f := s.text("severity")
	switch strings.ToLower(severity) {
	case "", "info":
	case "debug":
		c.Severity = slog.LevelDebug
	case "warn", "warning":
		c.Severity = slog.LevelWarn
	case "err", "error":
		c.Severity = slog.LevelError
	default:
		r.problem(f, "", "is %s, expected debug, info, warn or error", quote(severity))
	}
	format, f := s.text("format")
	switch strings.ToLower(format) {
	case "", "text":
	case "json":
		c.Format = JSON
	default:
		r.problem(f, "", "is %s, expected text or json", quote(format))
	}
	return c
}
