package teleport

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"time"

	listspb "github.com/gravitational/teleport/api/gen/proto/go/teleport/accesslist/v1"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
	"github.com/teleport-slack/teleport-slack/internal/logkey"
	"github.com/teleport-slack/teleport-slack/internal/logonce"
)

const (
	opLists = "list access lists"

	// pageLists is how many access lists a page has.
	pageLists = 200

	// defaultNotifyBefore is how long before a review its reminders begin if the
	// list doesn't set it: Teleport's default.
	defaultNotifyBefore = 14 * 24 * time.Hour
)

// AccessLists yields every access list, page by page. It ends at the first
// error, also of yield. [fault.Unsupported] from servers without access lists.
func (c *Client) AccessLists(ctx context.Context, yield func(access.AccessList) error) error {
	for token := ""; ; {
		var page *listspb.ListAccessListsResponse
		err := c.call(ctx, opLists, reads, func(ctx context.Context, conn *connection) (err error) {
			page, err = conn.lists.ListAccessLists(ctx, &listspb.ListAccessListsRequest{PageSize: pageLists, NextToken: token})
			return err
		})
		if err != nil {
			return err
		}
		for _, l := range page.GetAccessLists() {
			if typ := listType(l.GetSpec().ProtoReflect().GetUnknown()); !knownListType(typ) {
				c.problems.Problem(slog.LevelWarn, logonce.Key{Kind: unreadProblem, Name: "access list type"},
					"access list has a type that this version doesn't know, reminding its owners", fault.New(fault.Unsupported, "access list type "+strconv.Quote(typ), "unread_part"),
					slog.String(logkey.List, l.GetHeader().GetMetadata().GetName()), slog.String(logkey.PluginVersion, c.version))
			}
			if err := yield(accessList(l)); err != nil {
				return err
			}
		}
		switch next := page.GetNextToken(); next {
		case "":
			return nil
		case token:
			return fault.New(fault.Retry, opLists, "page repeats itself")
		default:
			token = next
		}
	}
}

// AccessListOwners returns the usernames of all owners of the list, also through
// another list. From servers without that call they are the direct owners.
func (c *Client) AccessListOwners(ctx context.Context, l access.AccessList) ([]string, error) {
	var owners []*listspb.AccessListOwner
	op := "read the owners of access list " + l.Name
	err := c.call(ctx, op, reads, func(ctx context.Context, conn *connection) error {
		if conn.noOwners.Load() {
			return fault.New(fault.Unsupported, op, "not_implemented")
		}
		found, err := conn.lists.GetAccessListOwners(ctx, &listspb.GetAccessListOwnersRequest{AccessList: l.Name})
		if fault.Is(classify(op, err, reads), fault.Unsupported) {
			conn.noOwners.Store(true)
		}
		owners = found.GetOwners()
		return err
	})
	switch {
	case fault.Is(err, fault.Unsupported):
		return slices.Clone(l.Owners), nil
	case err != nil:
		return nil, err
	}
	return usernames(owners), nil
}

// usernames returns the names of the owners that are users, not lists, sorted.
func usernames(owners []*listspb.AccessListOwner) []string {
	names := make([]string, 0, len(owners))
	for _, o := range owners {
		if o.GetName() != "" && o.GetMembershipKind() != listspb.MembershipKind_MEMBERSHIP_KIND_LIST {
			names = append(names, o.GetName())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// accessList translates a list, any part of which may be missing. The api's own
// translation refuses the whole page for one list that lacks a field.
func accessList(l *listspb.AccessList) access.AccessList {
	audit := l.GetSpec().GetAudit()
	out := access.AccessList{
		Name: l.GetHeader().GetMetadata().GetName(), Title: l.GetSpec().GetTitle(),
		Owners: usernames(l.GetSpec().GetOwners()), NotifyBefore: defaultNotifyBefore,
	}
	typ := listType(l.GetSpec().ProtoReflect().GetUnknown())
	if typ == listStatic || typ == listSCIM {
		return out // its members come from elsewhere, and nobody reviews them
	}
	if at := audit.GetNextAuditDate(); at.IsValid() && at.AsTime().Unix() > 0 {
		out.NextReview = at.AsTime()
	}
	if before := audit.GetNotifications().GetStart().AsDuration(); before > 0 {
		out.NotifyBefore = before
	}
	return out
}
