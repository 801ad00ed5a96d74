package teleport

import "context"

// Email returns a user's email address.
func (c *Client) Email(ctx context.Context, username string) (string, error) { panic("soon") }
