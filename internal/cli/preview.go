package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"github.com/spf13/cobra"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/message"
)

// previewID is the request ID in a preview.
const previewID = "00000000-0000-4000-8000-000000000000"

// PostOptions is one message to post.
type PostOptions struct {
	Config  config.Config
	To      string // a channel, an email or an ID, as in the configuration
	Message message.Message
}

// previewFlags is the command line of "preview".
// Its fields are the flags.
type previewFlags struct {
	request                       requestFlags
	config, state, audience, part string
	language, cluster, proxy      string
	created, resolveReason, to    string
	lasts                         time.Duration
	json, configGiven             bool
}

// The states that can be previewed; "ended" is approved access that is over.
var previewStates = map[string]access.State{
	"pending": access.Pending, "approved": access.Approved, "denied": access.Denied,
	"promoted": access.Promoted, "expired": access.Expired, "ended": access.Approved,
}

func (o Options) preview() *cobra.Command {
	var f previewFlags
	cmd := &cobra.Command{
		Use:   "preview",
		Short: "show what a message looks like",
		Long: `preview shows the message about a made-up request, with the configuration's
language, templates and link. Without a configuration it shows the built-in
messages. It does not connect to Teleport.`,
		Example: `  teleport-slack preview --roles editor --reason "see OPS-1432"
  teleport-slack preview --state approved --for requester --language ko
  teleport-slack preview --message review --json
  teleport-slack preview -c ./teleport-slack.toml --to '#sandbox'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.configGiven = cmd.Flags().Changed("config")
			return o.runPreview(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.config, "config", "c", config.DefaultPath, "the configuration `file`")
	f.request.add(flags)
	flags.StringVar(&f.state, "state", "pending", "the request's `state`: pending, approved, denied, promoted, expired or ended")
	flags.StringVar(&f.resolveReason, "resolve-reason", "", "the reviewer's reason, a `text`")
	flags.StringVar(&f.audience, "for", "reviewers", "the message's `audience`: reviewers or requester")
	flags.StringVar(&f.part, "message", "request", "which `message`: request, review, outcome, access-ends, access-ended, reminder or minimal")
	flags.StringVar(&f.language, "language", "", "the message's `language`; default: the configuration's")
	flags.StringVar(&f.cluster, "cluster", "example.com", "the Teleport cluster's `name`")
	flags.StringVar(&f.proxy, "proxy", "teleport.example.com", "the `host` of the Web UI; empty where it can't show requests")
	flags.StringVar(&f.created, "created", "", "the `time` when the request was made, such as 2026-03-02T09:30:00Z; default: now")
	flags.DurationVar(&f.lasts, "lasts", 8*time.Hour, "how long access lasts from that time")
	flags.BoolVar(&f.json, "json", false, "print the text and the blocks as JSON")
	flags.StringVar(&f.to, "to", "", "post the message to this `recipient`: a channel, an email or an ID")
	return cmd
}

func (o Options) runPreview(ctx context.Context, f previewFlags) error {
	cfg, err := o.previewConfig(f)
	if err != nil {
		return err
	}
	m, err := f.render(cfg.Messages.Style)
	if err != nil {
		return err
	}
	for _, failed := range m.Failed {
		fmt.Fprintf(o.Stderr, "%s: warning: %s; the built-in text is used instead\n", program, oneLine(failed.Error()))
	}
	switch {
	case f.to != "":
		where, err := o.Post(ctx, PostOptions{Config: cfg, To: f.to, Message: m})
		if err != nil {
			return err
		}
		return printed(fmt.Fprintln(o.Stdout, "posted to "+where))
	case f.json:
		enc := json.NewEncoder(o.Stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		err := enc.Encode(struct {
			Text   string        `json:"text"`
			Blocks []slack.Block `json:"blocks,omitempty"`
		}{m.Text, m.Blocks})
		return printed(0, err)
	}
	if m.Blocks != nil {
		line := message.Message{Text: m.Text}.Plain()
		if err := printed(fmt.Fprintf(o.Stdout, "notification: %s\n\n", line)); err != nil {
			return err
		}
	}
	return printed(fmt.Fprintln(o.Stdout, m.Plain()))
}

// previewConfig reads the configuration. If there is none at the default path
// and none was given, the built-in messages are shown.
func (o Options) previewConfig(f previewFlags) (config.Config, error) {
	cfg, warnings, err := config.Load(f.config)
	if err == nil {
		warn(o.Stderr, warnings)
		return cfg, nil
	}
	if !f.configGiven && f.to == "" && noFile(f.config) {
		return config.Config{}, nil
	}
	return cfg, err
}

// noFile reports whether there is no file, as opposed to an unreadable one.
func noFile(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// render returns the message that the flags describe.
func (f previewFlags) render(style message.Style) (message.Message, error) {
	none := message.Message{}
	state, ok := previewStates[f.state]
	if !ok {
		return none, oneOf("state", f.state, "pending", "approved", "denied", "promoted", "expired", "ended")
	}
	to, ok := map[string]access.Audience{"reviewers": access.Reviewers, "requester": access.Requester}[f.audience]
	if !ok {
		return none, oneOf("for", f.audience, "reviewers", "requester")
	}
	if f.language != "" {
		l := message.Language(strings.ToLower(f.language))
		if !l.Known() {
			var known []string
			for _, l := range message.Languages() {
				known = append(known, string(l))
			}
			return none, oneOf("language", f.language, known...)
		}
		style.Language, style.RequesterLanguage = l, l
	}
	req, err := f.request.request(f.cluster)
	if err != nil {
		return none, err
	}
	created := time.Now()
	if f.created != "" {
		if created, err = time.Parse(time.RFC3339, f.created); err != nil {
			return none, usageError{fmt.Errorf("--created %q is not a time", f.created), "write it as 2026-03-02T09:30:00Z"}
		}
	}
	if len(req.Roles)+len(req.Resources) == 0 {
		req.Roles = []string{"editor"}
	}
	decided := state
	if !state.Resolved() || state == access.Expired {
		decided = access.Approved
	}
	review := access.Review{Author: "bob@example.com", State: decided, Reason: f.resolveReason, Created: created.Add(time.Minute)}
	req.ID, req.State, req.Created = previewID, state, created
	req.Expires, req.AccessExpires = created.Add(time.Hour), created.Add(f.lasts)
	req.Thresholds = []access.Threshold{{Approve: 1, Deny: 1}}
	if state.Resolved() && state != access.Expired {
		req.Reviews, req.ResolveReason = []access.Review{review}, f.resolveReason
	}
	if state == access.Promoted {
		req.AccessListTitle = "Example list"
	}

	r := message.Renderer{Cluster: access.Cluster{Name: f.cluster}, Style: style, Now: created}
	if f.proxy != "" {
		r.Cluster.WebURL = "https://" + f.proxy
	}
	if f.state == "ended" {
		r.Now = req.AccessExpires
	}
	switch f.part {
	case "request":
		return r.Request(req, access.Details{}, to), nil
	case "review":
		req.Reviews = []access.Review{review}
		return r.Review(req, 0, to), nil
	case "outcome":
		return r.Final(req, to), nil
	case "access-ends":
		return r.AccessEnds(req, access.Details{}), nil
	case "access-ended":
		return r.AccessEnded(req, access.Details{}), nil
	case "reminder":
		r.Now = req.Created.Add(30 * time.Minute)
		return r.Reminder(req, false), nil
	case "minimal":
		return r.Minimal(req, to), nil
	}
	return none, oneOf("message", f.part, "request", "review", "outcome", "access-ends", "access-ended", "reminder", "minimal")
}

// oneOf returns the error about a flag that takes one of a few words.
func oneOf(flag, got string, words ...string) error {
	last := len(words) - 1
	return usageError{fmt.Errorf("--%s %q is not known", flag, got),
		"one of: " + strings.Join(words[:last], ", ") + " or " + words[last]}
}
