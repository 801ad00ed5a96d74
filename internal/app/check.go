package app

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/check"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/manifest"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/route"
	"github.com/teleport-slack/teleport-slack/internal/slack"
	"github.com/teleport-slack/teleport-slack/internal/slack/socketmode"
	"github.com/teleport-slack/teleport-slack/internal/teleport"
)

// CheckOptions are the arguments of Check.
type CheckOptions struct {
	Path     string   // of the configuration
	Environ  []string // as from os.Environ
	SendTest string   // recipient of a test message; empty for none
	Timeout  time.Duration
}

// Check checks a configuration, which may be incomplete, and the connections and
// permissions that it needs. Apart from posting the test message, if one is
// requested, it changes nothing.
func Check(ctx context.Context, o CheckOptions) []check.Finding {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	c, warnings, err := config.Sketch(o.Path)
	tp := &checkedTeleport{options: teleportOptions(c)}
	defer tp.close()
	sl := newCheckedSlack(c)
	defer sl.client.Close()
	return check.Run(ctx, checks(o, c, warnings, err, tp, sl))
}

// configuredRecipients returns all recipients of the configuration, by their key
// in it.
func configuredRecipients(c config.Config) map[string][]string {
	recipients := maps.Clone(c.Recipients)
	if to := c.Reminders.EscalateTo; len(to) > 0 {
		const key = "reminders.escalate_to" // no role has this name
		recipients[key] = to
	}
	return recipients
}

// checks returns all checks in their order. A new check is an entry here.
func checks(o CheckOptions, c config.Config, warnings []config.Warning, err error, tp *checkedTeleport, sl *checkedSlack) []check.Check {
	broken := brokenSections(err)
	unless := func(section string, c check.Check) check.Check {
		if !broken(section) {
			return c
		}
		return check.Skip(c.Name, "fix this section of the configuration first")
	}
	list := []check.Check{
		check.Configuration(o.Path, problemFindings(err), warningFindings(warnings)),
		unless("teleport", check.Credentials(tp.identity)),
		check.Teleport(c.Teleport.Addr, tp),
		check.Rights(tp.rights(c.Review.Enabled)),
		unless("slack", check.Token(sl.auth)),
		check.Scopes(sl.scopes),
		unless("role_to_recipients", check.Recipients(configuredRecipients(c), sl.inspect(tp))),
	}
	if c.Review.Enabled {
		list = append(list,
			check.Reviews(func() access.Cluster { return tp.cluster }, teleport.OnBehalfSince),
			unless("review", check.SocketMode(sl.socket(c.Review.AppToken).Probe)),
		)
	}
	if o.SendTest != "" {
		list = append(list, check.Send(o.SendTest, sl.post))
	}
	return append(list,
		check.Network(append(networkSettings(o.Environ), sl.authorities()...), func() (string, error) { return proxyOf(c.Slack.APIURL, http.ProxyFromEnvironment) }),
		check.Clocks([]string{"teleport", "slack token"}, []check.Clock{
			{Of: "Slack", Ahead: func(context.Context) (time.Duration, bool) { return sl.client.Ahead() }},
			{Of: "Teleport", Ahead: tp.ahead},
		}),
	)
}

// brokenSections returns a function that reports whether a section has errors.
func brokenSections(err error) func(section string) bool {
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		return func(string) bool { return true }
	}
	return func(section string) bool {
		for _, p := range problems {
			if p.Key == "" || p.Key == section || strings.HasPrefix(p.Key, section+".") {
				return true
			}
		}
		return false
	}
}

func problemFindings(err error) []check.Finding {
	var problems config.Problems
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &problems):
		return []check.Finding{{Detail: err.Error()}}
	}
	var found []check.Finding
	for _, p := range problems {
		found = append(found, check.Finding{Detail: p.Error(), Hint: p.Hint()})
	}
	return found
}

func warningFindings(warnings []config.Warning) []check.Finding {
	var found []check.Finding
	for _, w := range warnings {
		found = append(found, check.Finding{Detail: w.String(), Hint: w.Do})
	}
	return found
}

// checkedTeleport is Teleport as the checks use it. Earlier checks set the
// fields that later ones read.
type checkedTeleport struct {
	options  teleport.Options
	client   *teleport.Client  // once the identity is valid
	cluster  access.Cluster    // after Connect
	endpoint teleport.Endpoint // after By
}

func teleportOptions(c config.Config) teleport.Options {
	return teleport.Options{
		Addr:            c.Teleport.Addr,
		Identity:        c.Teleport.Identity,
		RefreshIdentity: c.Teleport.RefreshIdentity,
		RefreshInterval: c.Teleport.RefreshIdentityInterval,
		ClientKey:       c.Teleport.ClientKey,
		ClientCrt:       c.Teleport.ClientCrt,
		RootCAs:         c.Teleport.RootCAs,
		Log:             slog.New(slog.DiscardHandler),
	}
}

func (t *checkedTeleport) identity() (check.Identity, error) {
	id, err := teleport.ReadIdentity(t.options)
	if err != nil {
		return check.Identity{}, err
	}
	found := check.Identity{
		Path: id.Path, KeyPair: id.KeyPair, Refreshed: t.options.RefreshIdentity,
		User: id.User, Roles: id.Roles, NotBefore: id.NotBefore, NotAfter: id.NotAfter, WarnFrom: id.WarnFrom,
		Invalid: id.Invalid(time.Now()),
	}
	if found.Invalid == nil {
		t.client, err = teleport.New(t.options)
	}
	return found, err
}

// Connect implements [check.Reacher].
func (t *checkedTeleport) Connect(ctx context.Context) (access.Cluster, error) {
	var err error
	t.cluster, err = t.client.Connect(ctx)
	return t.cluster, err
}

// By implements [check.Reacher].
func (t *checkedTeleport) By(ctx context.Context) string {
	t.endpoint = t.client.Endpoint(ctx)
	switch t.endpoint {
	case teleport.AuthEndpoint:
		return "Auth Service"
	case teleport.ProxyEndpoint:
		return "Proxy Service"
	}
	return ""
}

func (t *checkedTeleport) rights(review bool) []check.Right {
	var rights []check.Right
	for _, r := range teleport.Rights(review) {
		rights = append(rights, check.Right{
			Name: r.Kind + " " + r.Verbs, For: r.For, Required: r.Required,
			Try: func(ctx context.Context) error { return t.client.Try(ctx, r) },
		})
	}
	return rights
}

// email looks up the email address of a Teleport user.
func (t *checkedTeleport) email(ctx context.Context, username string) (string, error) {
	if t.client == nil {
		return "", fault.New(fault.Retry, "look up the email of user "+username, "not connected to Teleport")
	}
	return t.client.Email(ctx, username)
}

// ahead returns how far the clock of a Proxy Service is ahead. An Auth Service
// can't be asked for the time.
func (t *checkedTeleport) ahead(ctx context.Context) (time.Duration, bool) {
	if t.client == nil || t.endpoint != teleport.ProxyEndpoint {
		return 0, false
	}
	return t.client.ProxyTime(ctx)
}

func (t *checkedTeleport) close() {
	if t.client != nil {
		_ = t.client.Close() // nothing is in flight any more
	}
}

// checkedSlack is Slack as the checks use it.
type checkedSlack struct {
	settings  config.Slack
	transport *http.Transport
	caErr     error // why the transport lacks the extra authorities
	client    *slack.Client
	inspector *slack.Inspector
	workspace slack.Workspace // after auth
}

func newCheckedSlack(c config.Config) *checkedSlack {
	s := &checkedSlack{settings: c.Slack}
	s.transport, s.caErr = slack.NewTransport(slack.TransportOptions{ExtraCAs: c.Slack.ExtraCAs})
	if s.caErr != nil { // check without them, and report it
		s.transport, _ = slack.NewTransport(slack.TransportOptions{})
	}
	s.client = slack.New(slack.Options{Token: c.Slack.Token.Reveal, APIURL: c.Slack.APIURL, Transport: s.transport})
	s.inspector = slack.NewInspector(s.client)
	return s
}

// authorities returns the setting that adds certificate authorities, if it is set.
func (s *checkedSlack) authorities() []check.Setting {
	found := check.Setting{Name: "slack.ca_file", Value: s.settings.CAFile}
	switch {
	case s.settings.CAFile == "":
		return nil
	case s.caErr != nil:
		found.Wrong = "can't be used: " + s.caErr.Error()
	}
	return []check.Setting{found}
}

func (s *checkedSlack) socket(appToken config.Secret) *socketmode.Client {
	return socketmode.New(socketmode.Options{
		AppToken: appToken.Reveal, APIURL: s.settings.APIURL,
		HTTPClient: &http.Client{Transport: s.transport, Timeout: socketTimeout},
	})
}

func (s *checkedSlack) auth(ctx context.Context) (check.Workspace, error) {
	w, err := s.client.Auth(ctx)
	if err != nil {
		return check.Workspace{}, err
	}
	s.workspace = w
	return check.Workspace{Team: w.Team, URL: w.URL, Bot: w.BotName, User: w.BotID == ""}, nil
}

func (s *checkedSlack) scopes() []string { return s.workspace.Scopes }

// inspect returns a function that looks up recipients in every configured form.
func (s *checkedSlack) inspect(tp *checkedTeleport) check.Inspector {
	return func(ctx context.Context, text string) (check.Standing, error) {
		recipient, err := route.ParseRecipient(text)
		if err != nil {
			return check.Standing{}, &fault.Error{Op: "read recipient", Class: fault.Permanent, Err: err}
		}
		want, ok := recipient.Plain()
		switch {
		case !ok:
			return check.Standing{Made: true}, nil
		case recipient.IsGroup():
			return check.Standing{Group: true}, nil
		}
		name := want.Name
		if want.User {
			if name, err = tp.email(ctx, want.Name); err != nil {
				return check.Standing{}, err
			}
		}
		standing, err := s.standing(ctx, name)
		for _, m := range want.Mentions {
			if m.Group == "@here" || m.Group == "@channel" {
				continue
			}
			if _, err := s.inspector.Inspect(ctx, m.Group); err != nil {
				standing.Mute = append(standing.Mute, err)
			}
		}
		return standing, err
	}
}

func (s *checkedSlack) standing(ctx context.Context, name string) (check.Standing, error) {
	found, err := s.inspector.Inspect(ctx, name)
	return check.Standing{
		ID: found.Recipient.ID, Person: found.Recipient.Kind == access.Person,
		Group:   found.Recipient.Kind == access.Group,
		Channel: found.Name, Private: found.Private, Archived: found.Archived, Member: found.Member,
		Lacks: found.Lacks, Anywhere: s.anywhere(), Bot: s.workspace.BotName,
	}, err
}

// anywhere reports whether the app may post to public channels that it isn't a
// member of. Unknown scopes count as missing here.
func (s *checkedSlack) anywhere() bool {
	return slices.Contains(s.workspace.Scopes, manifest.PublicScope)
}

func (s *checkedSlack) post(ctx context.Context, to, text string) error {
	r, err := s.client.Resolve(ctx, to)
	if err != nil {
		return err
	}
	_, err = s.client.Post(ctx, message.Post{Channel: r.ID, Message: message.Message{Text: text}})
	return err
}
