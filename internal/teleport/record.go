package teleport

import "context"

// Record returns the plugin data stored for a request, empty if there is none.
func (c *Client) Record(ctx context.Context, id string) (map[string]string, error) { panic("soon") }

// Records yields the plugin data of every request that has any, also of those
// that Teleport no longer has.
func (c *Client) Records(ctx context.Context, yield func(id string, data map[string]string) error) error {
	panic("soon")
}

// UpdateRecord sets keys if the expected ones have the expected values;
// [fault.Conflict] if not, [fault.Unknown] if the answer never came.
func (c *Client) UpdateRecord(ctx context.Context, id string, set, expect map[string]string) error {
	panic("soon")
}
