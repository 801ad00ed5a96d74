package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/recipient"
	"github.com/teleport-slack/teleport-slack/internal/route"
)

// RouteOptions are the arguments of "route".
type RouteOptions struct {
	Config    config.Config
	RequestID string              // a request in Teleport; empty for Request
	Request   access.Request      // a made-up request
	Traits    map[string][]string // the requester's; nil for those in Teleport
	Log       *slog.Logger
}

// routeFlags is the command line of "route".
type routeFlags struct {
	request       requestFlags
	config, id    string
	cluster       string
	traits        []string
	json, resolve bool
}

func (o Options) route() *cobra.Command {
	var f routeFlags
	cmd := &cobra.Command{
		Use:   "route",
		Short: "show the recipients of a request",
		Long: `route shows who would be notified of a request, and because of which key or
rule. It posts nothing.

Without --resolve and --request it only reads the configuration, and makes no
connection: access monitoring rules are left out, and no recipient is looked up.`,
		Example: `  teleport-slack route --roles editor --user alice
  teleport-slack route --roles prod-db --trait team=blue
  teleport-slack route --roles editor --reviewers bob@example.com --resolve
  teleport-slack route --request 1565e5c0-7f3b-4d2e-9a51-0c1f2b3d4e5f --json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range []string{"user", "roles", "resource", "reason", "reviewers", "annotation", "long-term", "cluster"} {
				if f.id != "" && cmd.Flags().Changed(name) {
					return usageError{fmt.Errorf("--request and --%s exclude each other", name), "--request takes everything from the request"}
				}
			}
			if f.id == "" && cmd.Flags().Changed("request") {
				return usageError{errors.New("--request is empty"), "give the request's ID"}
			}
			return o.runRoute(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.config, "config", "c", config.DefaultPath, "the configuration `file`")
	f.request.add(flags)
	flags.StringVar(&f.cluster, "cluster", "example.com", "the Teleport cluster's `name`, for resources without one")
	flags.StringArrayVar(&f.traits, "trait", nil, "a trait of the requester, `name=value`, instead of those in Teleport; may be repeated")
	flags.StringVar(&f.id, "request", "", "a request in Teleport, by its `ID`")
	flags.BoolVar(&f.resolve, "resolve", false, "read rules and traits from Teleport, and look up recipients in Slack")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

func (o Options) runRoute(ctx context.Context, f routeFlags) error {
	req, err := f.request.request(f.cluster)
	if err != nil {
		return err
	}
	traits, err := keyValues("trait", f.traits)
	if err != nil {
		return err
	}
	cfg, warnings, err := config.Load(f.config)
	warn(o.Stderr, warnings)
	if err != nil {
		return err
	}
	online := f.resolve || f.id != ""
	var answer recipient.Explanation
	if online {
		answer, err = o.Route(ctx, RouteOptions{
			Config: cfg, RequestID: f.id, Request: req, Traits: traits,
			Log: slog.New(warningHandler{w: o.Stderr}),
		})
	} else {
		answer, err = recipient.ExplainOffline(route.Table(cfg.Recipients), req, traits)
	}
	if err != nil {
		return err
	}
	r := routeReport(answer, online, cfg.Messages.Requester)
	if f.json {
		enc := json.NewEncoder(o.Stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return printed(0, enc.Encode(r))
	}
	if err := r.print(o.Stdout); err != nil {
		return err
	}
	if !online {
		fmt.Fprintf(o.Stderr, "%s: hint: access monitoring rules are left out and no recipient was looked up; use --resolve for both\n", program)
	}
	return nil
}

// keyValues parses a repeated flag of the form key=value; nil if not given.
func keyValues(flag string, given []string) (map[string][]string, error) {
	var m map[string][]string
	for _, s := range given {
		key, value, ok := strings.Cut(s, "=")
		if !ok || key == "" {
			return nil, usageError{fmt.Errorf("--%[1]s %[2]q is not a %[1]s", flag, s), "write it as name=value"}
		}
		if m == nil {
			m = map[string][]string{}
		}
		m[key] = append(m[key], value)
	}
	return m, nil
}

// answerReport is an answer as it is printed.
type answerReport struct {
	Request    requestReport     `json:"request"`
	Resolved   bool              `json:"resolved"` // recipients were looked up
	Recipients []recipientReport `json:"recipients"`
	LeftOut    []gapReport       `json:"left_out,omitempty"`
	Outside    []string          `json:"outside_schedule,omitempty"` // rules
	Unseen     []unseenReport    `json:"unseen_labels,omitempty"`
	Later      string            `json:"unknown,omitempty"` // why the answer is incomplete
}

type requestReport struct {
	ID        string   `json:"id,omitempty"`
	User      string   `json:"user"`
	Roles     []string `json:"roles"`
	Resources []string `json:"resources,omitempty"`
	// Principals are those that are asked for on each of Resources, if on any.
	Principals [][]string `json:"principals,omitempty"`
	Unread     []string   `json:"unread,omitempty"` // what of it can't be read
}

type recipientReport struct {
	Name     string   `json:"name"`
	Form     string   `json:"form"`          // channel, ID or email: "place"; "user" for a Teleport username
	Why      string   `json:"why"`           // role, fallback, suggested, rule or requester
	Key      string   `json:"key,omitempty"` // of role_to_recipients
	Rule     string   `json:"rule,omitempty"`
	Mentions []string `json:"mentions,omitempty"`
	ID       string   `json:"id,omitempty"`
	Kind     string   `json:"kind,omitempty"` // channel or person
	Problem  string   `json:"problem,omitempty"`
	Hint     string   `json:"hint,omitempty"`
}

type gapReport struct {
	Recipient string `json:"recipient"`
	Key       string `json:"key,omitempty"`
	Rule      string `json:"rule,omitempty"`
	What      string `json:"what"`
}

// unseenReport is a rule that may apply, because labels can't be had.
type unseenReport struct {
	Rule string `json:"rule"`
	Why  string `json:"why"`
	Hint string `json:"hint,omitempty"`
}

var reasons = map[route.Reason]string{
	route.ByRole: "role", route.ByFallback: "fallback", route.BySuggest: "suggested", route.ByRule: "rule", route.ByEscalation: "escalation",
}

func routeReport(a recipient.Explanation, resolved, requester bool) answerReport {
	r := answerReport{
		Request:  requestReport{ID: a.Request.ID, User: a.Request.User, Roles: append([]string{}, a.Request.Roles...)},
		Resolved: resolved, Recipients: []recipientReport{},
	}
	narrowed := false
	for _, res := range a.Request.Resources {
		r.Request.Resources = append(r.Request.Resources, res.ID())
		r.Request.Principals = append(r.Request.Principals, append([]string{}, res.Principals...))
		narrowed = narrowed || len(res.Principals) > 0
	}
	if !narrowed {
		r.Request.Principals = nil
	}
	r.Request.Unread = a.Request.Unread
	for _, t := range a.Recipients {
		one := recipientReport{Name: t.Want.Name, Form: "place", Why: reasons[t.Want.Why], Key: t.Want.Role, Rule: t.Want.Rule, Mentions: t.Mentions}
		if t.Want.User {
			one.Form = "user"
		}
		if !resolved {
			for _, m := range t.Want.Mentions {
				name := m.Group
				if m.Silent {
					name += " (silent)"
				}
				one.Mentions = append(one.Mentions, name)
			}
		}
		switch {
		case t.IsRequester:
			one.Problem = "is the requester, who can't review"
		case t.Err != nil:
			one.Problem, one.Hint = t.Err.Error(), hintOf(t.Err)
		case t.To.ID != "":
			one.ID, one.Kind = t.To.ID, kindOf(t.To)
		}
		r.Recipients = append(r.Recipients, one)
	}
	switch {
	case !requester:
	case !resolved:
		r.Recipients = append(r.Recipients, recipientReport{Name: a.Request.User, Form: "user", Why: "requester"})
	case a.Requester.ID != "":
		r.Recipients = append(r.Recipients, recipientReport{Name: a.Request.User, Form: "user", Why: "requester", ID: a.Requester.ID, Kind: "person"})
	}
	for _, g := range a.Unresolved {
		r.LeftOut = append(r.LeftOut, gapReport{Recipient: g.Recipient, Key: g.Role, Rule: g.Rule, What: g.What})
	}
	r.Outside = a.Outside
	for _, u := range a.Unseen {
		r.Unseen = append(r.Unseen, unseenReport{Rule: u.Rule, Why: u.Err.Error(), Hint: hintOf(u.Err)})
	}
	if a.Pending != nil {
		r.Later = a.Pending.Error()
	}
	return r
}

// kindOf returns a recipient's kind. A channel that Slack did not confirm is
// only known by its name.
func kindOf(to access.Recipient) string {
	switch {
	case to.Kind == access.Person:
		return "person"
	case strings.HasPrefix(to.ID, "#"):
		return "channel, by its name"
	}
	return "channel"
}

// print writes the report as a table. Values from a request may contain escape
// sequences, so every cell goes through oneLine.
func (r answerReport) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		for i, c := range cells {
			if cells[i] = oneLine(c); c == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	if len(r.Recipients) > 0 {
		row("RECIPIENT", "WHY", "MENTIONS", "SLACK")
	}
	reviewable := false
	for _, one := range r.Recipients {
		reviewable = reviewable || one.Why != "requester" && one.Problem == ""
		row(name(one.Form, one.Name), because(one.Why, one.Key, one.Rule), strings.Join(one.Mentions, " "), one.slack())
	}
	if err := t.Flush(); err != nil {
		return printed(0, err)
	}
	var lines []string
	if !reviewable {
		lines = append(lines, "no reviewer would be notified")
	}
	for _, g := range r.LeftOut {
		why := "role"
		if g.Rule != "" {
			why = "rule"
		}
		lines = append(lines, fmt.Sprintf("left out: %s (%s): %s", g.Recipient, because(why, g.Key, g.Rule), g.What))
	}
	for _, rule := range r.Outside {
		lines = append(lines, fmt.Sprintf("outside the schedule of rule %q", rule))
	}
	for _, u := range r.Unseen {
		lines = append(lines, fmt.Sprintf("rule %q may apply, so its recipients and those without rules are notified: %s", u.Rule, u.Why))
	}
	if r.Later != "" {
		lines = append(lines, "incomplete: "+r.Later)
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(w, oneLine(l)); err != nil {
			return printed(0, err)
		}
	}
	return nil
}

func name(form, name string) string {
	if form == "user" {
		return "user " + name
	}
	return name
}

func because(why, key, rule string) string {
	switch why {
	case "role", "fallback":
		return fmt.Sprintf("key %q", key)
	case "rule":
		return fmt.Sprintf("rule %q", rule)
	case "suggested":
		return "suggested reviewer"
	}
	return why
}

func (one recipientReport) slack() string {
	switch {
	case one.Problem != "":
		return one.Problem
	case one.ID != "":
		return one.ID + " (" + one.Kind + ")"
	}
	return ""
}
