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
	c.Reminders = r.reminders(root.section("reminders"))
	c.Log = r.log(root.section("log"))
	c.HTTP = r.http(root.section("http"))
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
	c.CAFile, c.ExtraCAs = r.caFile(s)
	r.legacyRecipients(s)
	return c
}

// checkBotToken reports mistakes in slack.token for which Slack would only return
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
			"is a rotating token, which expires after hours, expected a permanent one (xoxb-)")
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
