package teleport

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	rulespb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accessmonitoringrules/v1"
	"github.com/gravitational/teleport/api/types"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/rule"
)

const (
	opRules = "list access monitoring rules"

	// pageRules is the page size of the published plugin.
	pageRules = 1000

	// listTries is how often rules are listed before requests are looked at
	// without them, so that a short trouble routes nothing by half of the rules.
	listTries = 3
)

// ruleBook is what we know of the access monitoring rules that name us. It
// belongs to the goroutine that watches.
type ruleBook struct {
	byName map[string]rule.Source
	tell   func([]rule.Source)

	waits   waits
	again   *time.Timer // when to list again; stopped unless the last try failed
	trouble *trouble
	off     bool // no rules are to be had; warned of
}

func (c *Client) newRuleBook(tell func([]rule.Source)) *ruleBook {
	b := &ruleBook{
		byName: make(map[string]rule.Source), tell: tell, waits: c.timings.rules, again: time.NewTimer(time.Hour),
		trouble: &trouble{log: c.log, level: slog.LevelWarn,
			begun: "could not list access monitoring rules, trying again; until then those known before are in force",
			ended: "listed access monitoring rules again"},
	}
	b.again.Stop()
	return b
}

// told hands out all rules, in the order of their names.
func (b *ruleBook) told() {
	sources := make([]rule.Source, 0, len(b.byName))
	for _, name := range slices.Sorted(maps.Keys(b.byName)) {
		sources = append(sources, b.byName[name])
	}
	b.tell(sources)
}

// beginRules reads the rules at the beginning of a watch, before any request is
// looked at. confirmed says that the watch covers them.
func (c *Client) beginRules(ctx context.Context, b *ruleBook, conn *connection, confirmed bool) {
	if b.tell == nil {
		return
	}
	b.again.Stop()
	if !confirmed {
		c.withoutRules(b, conn)
		return
	}
	wait := waits{first: c.timings.firstWait, max: c.timings.maxWait}
	for try := 1; ; try++ {
		if c.listRules(ctx, b, conn) || try == listTries || ctx.Err() != nil {
			return
		}
		if !sleep(ctx, wait.next(), conn.replaced) || isClosed(conn.replaced) {
			return
		}
	}
}

// withoutRules says once that there are no rules for us.
func (c *Client) withoutRules(b *ruleBook, conn *connection) {
	if !b.off {
		c.log.Warn("access monitoring rules can't be read, only static routes are in force", logkey.Version, conn.cluster.Version,
			logkey.Hint, "grant the role of these credentials list and read on access_monitoring_rule, if this Teleport has them")
	}
	b.off = true
	clear(b.byName)
	b.told()
}

// listRules replaces what is known by what the server has. False means that
// it is worth trying again, which is due then.
func (c *Client) listRules(ctx context.Context, b *ruleBook, conn *connection) bool {
	fresh := make(map[string]rule.Source)
	err := c.eachRule(ctx, conn, func(r *rulespb.AccessMonitoringRule) {
		if src, ok := source(r); ok {
			fresh[src.Name] = src
		}
	})
	switch {
	case err == nil:
		b.trouble.over()
		b.waits.reset()
		b.off = false
		b.byName = fresh
		b.told()
		return true
	case fault.Is(err, fault.Denied), fault.Is(err, fault.Unsupported):
		c.withoutRules(b, conn)
		return true
	case ctx.Err() != nil:
		return false
	}
	b.trouble.note(err)
	b.again.Reset(b.waits.next())
	return false
}

// eachRule yields every rule about access requests that names us, from
// servers that don't filter also others.
func (c *Client) eachRule(ctx context.Context, conn *connection, yield func(*rulespb.AccessMonitoringRule)) error {
	filters := true
	for token := ""; ; {
		limited, cancel := context.WithTimeout(ctx, callTimeout)
		page, next, err := conn.rulesPage(limited, token, filters)
		cancel()
		err = classify(opRules, err, reads)
		if filters && token == "" && fault.Is(err, fault.Unsupported) {
			filters = false
			continue
		}
		if err != nil {
			return err
		}
		for _, r := range page {
			yield(r)
		}
		if next == "" {
			return nil
		}
		if next == token {
			return fault.New(fault.Retry, opRules, "page repeats itself")
		}
		token = next
	}
}

func (c *connection) rulesPage(ctx context.Context, token string, filters bool) ([]*rulespb.AccessMonitoringRule, string, error) {
	if !filters {
		resp, err := c.rules.ListAccessMonitoringRules(ctx, &rulespb.ListAccessMonitoringRulesRequest{
			PageSize: pageRules, PageToken: token,
		})
		return resp.GetRules(), resp.GetNextPageToken(), err
	}
	resp, err := c.rules.ListAccessMonitoringRulesWithFilter(ctx, &rulespb.ListAccessMonitoringRulesWithFilterRequest{
		PageSize: pageRules, PageToken: token,
		Subjects: []string{types.KindAccessRequest}, NotificationName: pluginName,
	})
	return resp.GetRules(), resp.GetNextPageToken(), err
}

// changed takes over one event. It returns whether rules are others now.
func (b *ruleBook) changed(e types.Event) bool {
	if e.Resource == nil || e.Resource.GetKind() != types.KindAccessMonitoringRule {
		return false
	}
	name := e.Resource.GetName()
	before, had := b.byName[name]
	delete(b.byName, name)
	if e.Type == types.OpPut {
		if r, ok := unwrapRule(e.Resource); ok {
			if src, ok := source(r); ok {
				b.byName[name] = src // else it no longer names us
			}
		}
	}
	after, has := b.byName[name]
	if had == has && before.Equal(after) {
		return false
	}
	b.told()
	return true
}

// unwrapRule takes a rule out of the api's older kind of resource.
func unwrapRule(r types.Resource) (*rulespb.AccessMonitoringRule, bool) {
	w, ok := r.(types.Resource153Unwrapper)
	if !ok {
		return nil, false
	}
	found, ok := w.Unwrap().(*rulespb.AccessMonitoringRule)
	return found, ok
}

// source translates a rule, if it is about access requests and names us.
func source(r *rulespb.AccessMonitoringRule) (rule.Source, bool) {
	spec := r.GetSpec()
	if spec.GetNotification().GetName() != pluginName || !slices.Contains(spec.GetSubjects(), types.KindAccessRequest) {
		return rule.Source{}, false
	}
	return rule.Source{
		Name:       r.GetMetadata().GetName(),
		Condition:  spec.GetCondition(),
		Recipients: slices.Clone(spec.GetNotification().GetRecipients()),
		Unread:     hasUnread(spec),
	}, true
}

// The fields of a rule's spec that the api version that this is built with
// does not know, and that decide nothing about notifications: field 5 is gone
// from Teleport, automatic_review is 6 and desired_state 7.
const firstUnread = 8

// hasUnread says that the rule says more than we can read, such as schedules.
func hasUnread(spec *rulespb.AccessMonitoringRuleSpec) bool {
	for b := spec.ProtoReflect().GetUnknown(); len(b) > 0; {
		number, _, n := protowire.ConsumeField(b)
		if n < 0 {
			return true
		}
		if number >= firstUnread {
			return true
		}
		b = b[n:]
	}
	return false
}
