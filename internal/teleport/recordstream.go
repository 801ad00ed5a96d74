package teleport

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gravitational/teleport/api/types"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // registers the codec that is extended here
	"google.golang.org/grpc/mem"
)

// recordStream is a gRPC codec for one call: it decodes the answer with all
// records one record at a time, hands each out and drops it. The protocol has no
// pages for records, and decoding all of them at once takes several times the
// memory of the answer.
type recordStream struct {
	encoding.CodecV2 // encodes the call
	yield            func(*types.PluginDataV3) error
}

func newRecordStream(yield func(*types.PluginDataV3) error) recordStream {
	return recordStream{CodecV2: encoding.GetCodecV2("proto"), yield: yield}
}

// The fields and wire types of proto.PluginDataSeq, which has one field.
const (
	pluginDataField = 1
	wireVarint      = 0
	wireFixed64     = 1
	wireBytes       = 2
	wireFixed32     = 5
)

// Unmarshal reads a proto.PluginDataSeq. What it would put into v is handed out.
func (s recordStream) Unmarshal(data mem.BufferSlice, _ any) error {
	r := data.Reader()
	defer func() { _ = r.Close() }() // frees what was not read
	var buf []byte
	for {
		tag, err := binary.ReadUvarint(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a record's tag: %w", err)
		}
		field, wire := tag>>3, tag&7
		size := uint64(0)
		switch wire {
		case wireVarint:
			_, err = binary.ReadUvarint(r)
		case wireFixed64:
			size = 8
		case wireFixed32:
			size = 4
		case wireBytes:
			size, err = binary.ReadUvarint(r)
		default:
			err = fmt.Errorf("unknown wire type %d", wire)
		}
		if err != nil {
			return fmt.Errorf("read a record's size: %w", err)
		}
		if size > uint64(r.Remaining()) { //nolint:gosec // it is never negative
			return fmt.Errorf("read a record: it has %d bytes of %d that are left", size, r.Remaining())
		}
		if uint64(cap(buf)) < size {
			buf = make([]byte, size)
		}
		buf = buf[:size]
		if _, err := io.ReadFull(r, buf); err != nil {
			return fmt.Errorf("read a record: %w", err)
		}
		if field != pluginDataField || wire != wireBytes {
			continue // a field of a newer Teleport
		}
		d := &types.PluginDataV3{}
		if err := d.Unmarshal(buf); err != nil {
			return fmt.Errorf("decode a record: %w", err)
		}
		if err := s.yield(d); err != nil {
			return err
		}
	}
}
