package teleport

import (
	"context"
	"errors"
	"io"

	"github.com/gravitational/teleport/api/client/proto"
	"github.com/gravitational/teleport/api/types"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// pageRequests is how many requests a page has. A request can be tens of
// kilobytes (resources, reasons), so a page that is too large for gRPC is
// requested again with half the size.
const pageRequests = 200

const opList = "list access requests"

// Requests yields every access request, page by page, so that memory is
// bounded by a page. It ends at the first error, also of yield.
func (c *Client) Requests(ctx context.Context, yield func(access.Request) error) error {
	limit, key := int32(pageRequests), ""
	for {
		page, err := c.listPage(ctx, &proto.ListAccessRequestsRequest{Limit: limit, StartKey: key})
		switch {
		case fault.Is(err, fault.Unsupported) && key == "":
			return c.streamRequests(ctx, types.AccessRequestFilter{}, yield)
		case isTooLarge(err) && limit > 1:
			limit /= 2
			continue
		case err != nil:
			return err
		}
		for i, r := range page.AccessRequests {
			page.AccessRequests[i] = nil
			if r == nil || r.GetDryRun() {
				continue
			}
			if err := yield(c.request(r)); err != nil {
				return err
			}
		}
		if page.NextKey == "" {
			return nil
		}
		if page.NextKey == key {
			return fault.New(fault.Retry, opList, "page repeats itself")
		}
		key = page.NextKey
	}
}

// listPage reads one page on the current connection: page keys belong to the
// server and outlive connections.
func (c *Client) listPage(ctx context.Context, req *proto.ListAccessRequestsRequest) (page *proto.ListAccessRequestsResponse, err error) {
	err = c.call(ctx, opList, reads, func(ctx context.Context, conn *connection) error {
		if conn.noList.Load() {
			return fault.New(fault.Unsupported, opList, "not_implemented")
		}
		page, err = conn.auth.ListAccessRequests(ctx, req)
		if fault.Is(classify(opList, err, reads), fault.Unsupported) {
			conn.noList.Store(true)
		}
		return err
	})
	return page, err
}

func isTooLarge(err error) bool {
	e, ok := fault.As(err)
	return ok && e.Reason == "limit_exceeded"
}

// streamRequests lists requests from servers without ListAccessRequests.
func (c *Client) streamRequests(ctx context.Context, filter types.AccessRequestFilter, yield func(access.Request) error) error {
	conn, done, err := c.use(opList)
	if err != nil {
		return err
	}
	defer done()
	ctx, cancel := context.WithCancel(ctx) // ends the stream if yield fails
	defer cancel()
	stream, err := conn.auth.GetAccessRequestsV2(ctx, &filter)
	if err != nil {
		return classify(opList, err, reads)
	}
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return classify(opList, err, reads)
		}
		if r.GetDryRun() {
			continue
		}
		if err := yield(c.request(r)); err != nil {
			return err
		}
	}
}

// Request returns one access request; [fault.NotFound] when it is gone, or a dry
// run, which nobody decides.
func (c *Client) Request(ctx context.Context, id string) (access.Request, error) {
	op := "read access request " + id
	if id == "" { // would be a filter for all of them
		return access.Request{}, fault.New(fault.NotFound, op, "no ID")
	}
	filter := types.AccessRequestFilter{ID: id}
	var found access.Request
	take := func(r access.Request) error {
		if r.ID == id {
			found = r
		}
		return nil
	}
	page, err := c.listPage(ctx, &proto.ListAccessRequestsRequest{Filter: &filter, Limit: 1})
	switch {
	case fault.Is(err, fault.Unsupported):
		limited, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		err = c.streamRequests(limited, filter, take)
	case err == nil:
		for _, r := range page.AccessRequests {
			if r != nil && !r.GetDryRun() {
				_ = take(c.request(r))
			}
		}
	}
	switch {
	case err != nil:
		return access.Request{}, fault.Wrapf(err, "%s", op)
	case found.ID == "":
		return access.Request{}, fault.New(fault.NotFound, op, "not_found")
	}
	return found, nil
}
