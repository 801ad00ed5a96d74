package teleport

import (
	"context"
	"maps"
	"runtime/debug"

	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc"

	"github.com/teleport-slack/teleport-slack/internal/fault"
)

// pluginName is the name of our plugin data: the published plugin's.
const pluginName = "slack"

// maxRecordsBytes bounds the answer with all records, which is one message;
// gRPC's default of 4 MiB would only fit a few thousand requests.
const maxRecordsBytes = 512 << 20

// recordsGCPercent is GOGC while that answer is in memory.
const recordsGCPercent = 25

// Record returns the plugin data stored for a request, empty if there is none.
func (c *Client) Record(ctx context.Context, id string) (map[string]string, error) {
	return c.pluginData(ctx, "read the record of access request "+id, types.KindAccessRequest, id)
}

// ListRecord returns the plugin data stored for an access list, empty if there
// is none.
func (c *Client) ListRecord(ctx context.Context, name string) (map[string]string, error) {
	return c.pluginData(ctx, "read the record of access list "+name, types.KindAccessList, name)
}

func (c *Client) pluginData(ctx context.Context, op, kind, name string) (map[string]string, error) {
	data := map[string]string{}
	if name == "" { // would be a filter for all of them
		return nil, fault.New(fault.NotFound, op, "no ID")
	}
	err := c.call(ctx, op, reads, func(ctx context.Context, conn *connection) error {
		found, err := conn.auth.GetPluginData(ctx, &types.PluginDataFilter{
			Kind: kind, Resource: name, Plugin: pluginName,
		})
		if err != nil {
			return err
		}
		for _, d := range found.PluginData {
			if d.GetName() == name {
				data = entry(d)
			}
		}
		return nil
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return data, nil // some servers return it instead of an empty list
	case err != nil:
		return nil, err
	}
	return data, nil
}

// Records yields the plugin data of every request that has any, also of those
// that Teleport no longer has. Records come in one answer, of which each is
// decoded as it is yielded: memory is that of the answer. A broken connection
// begins again, so that some may be yielded twice.
func (c *Client) Records(ctx context.Context, yield func(id string, data map[string]string) error) error {
	// The answer is in memory as a whole, so that there is one at a time. Collecting more often meanwhile costs
	// little, since it has no pointers, and keeps garbage from doubling it.
	c.listingRecords.Lock()
	defer c.listingRecords.Unlock()
	defer debug.SetGCPercent(debug.SetGCPercent(recordsGCPercent))
	var stopped error // by yield, which is nobody's fault
	each := newRecordStream(func(d *types.PluginDataV3) error {
		if data := entry(d); len(data) > 0 {
			stopped = yield(d.GetName(), data)
		}
		return stopped
	})
	err := c.call(ctx, "list the records of access requests", reads, func(ctx context.Context, conn *connection) error {
		_, err := conn.auth.GetPluginData(ctx,
			&types.PluginDataFilter{Kind: types.KindAccessRequest, Plugin: pluginName},
			grpc.MaxCallRecvMsgSize(maxRecordsBytes), grpc.ForceCodecV2(each))
		if stopped != nil {
			return nil
		}
		return err
	})
	switch {
	case stopped != nil:
		return stopped
	case fault.Is(err, fault.NotFound):
		return nil
	}
	return err
}

// entry returns our part of the plugin data, a copy, never nil.
func entry(d *types.PluginDataV3) map[string]string {
	data := map[string]string{}
	if d == nil {
		return data
	}
	if e := d.Entries()[pluginName]; e != nil {
		maps.Copy(data, e.Data)
	}
	return data
}

// UpdateRecord sets keys ("" deletes one) if the expected ones have the
// expected values ("" for absent). [fault.Conflict] if they have not,
// [fault.NotFound] if the request is gone, [fault.Unknown] if the answer never
// came.
func (c *Client) UpdateRecord(ctx context.Context, id string, set, expect map[string]string) error {
	return c.updatePluginData(ctx, "write the record of access request "+id, types.KindAccessRequest, id, set, expect)
}

// UpdateListRecord is UpdateRecord for an access list.
func (c *Client) UpdateListRecord(ctx context.Context, name string, set, expect map[string]string) error {
	return c.updatePluginData(ctx, "write the record of access list "+name, types.KindAccessList, name, set, expect)
}

func (c *Client) updatePluginData(ctx context.Context, op, kind, name string, set, expect map[string]string) error {
	return c.call(ctx, op, writes, func(ctx context.Context, conn *connection) error {
		_, err := conn.auth.UpdatePluginData(ctx, &types.PluginDataUpdateParams{
			Kind: kind, Resource: name, Plugin: pluginName, Set: set, Expect: expect,
		})
		return err
	})
}
