package teleport

import (
	"context"

	"github.com/teleport-slack/teleport-slack/internal/access"
)

// Requests yields every access request, page by page.
func (c *Client) Requests(ctx context.Context, yield func(access.Request) error) error {
	panic("soon")
}

// Request returns one access request; [fault.NotFound] when it is gone.
func (c *Client) Request(ctx context.Context, id string) (access.Request, error) { panic("soon") }
