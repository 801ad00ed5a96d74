package slacktest_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/slacktest"
)

// TestConnectionsInMemory: they wait, end and time out like those of TCP.
func TestConnectionsInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := slacktest.NewListener()
		accepted := make(chan net.Conn)
		go func() {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
			}
			accepted <- c
		}()
		client, err := l.DialContext(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		server := <-accepted
		buf := make([]byte, 4)
		done := func(err error) {
			if err != nil {
				t.Error(err)
			}
		}

		// Both write before anybody reads.
		_, err = client.Write([]byte("ping"))
		done(err)
		_, err = server.Write([]byte("pong"))
		done(err)
		if n, err := io.ReadFull(client, buf); err != nil || string(buf[:n]) != "pong" {
			t.Errorf("%q, %v", buf, err)
		}

		// Time runs out for who waits, by a deadline set before and meanwhile.
		begin := time.Now()
		done(client.SetReadDeadline(begin.Add(time.Hour)))
		time.AfterFunc(time.Second, func() { done(client.SetReadDeadline(begin.Add(2 * time.Second))) })
		if _, err := client.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(begin) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		done(client.SetReadDeadline(time.Time{}))
		done(client.SetWriteDeadline(time.Now().Add(time.Second)))
		if n, err := client.Write(make([]byte, 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || n == 1<<20 {
			t.Errorf("wrote %d bytes, %v", n, err)
		}

		// What was sent before the end still arrives.
		client.Close()
		if n, err := io.Copy(io.Discard, server); err != nil || n < 4 {
			t.Errorf("read %d bytes, %v", n, err)
		}
		if _, err := server.Write(buf); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("write to nobody: %v", err)
		}
		if _, err := client.Read(buf); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("read after Close: %v", err)
		}
		server.Close()
		l.Close()
	})
}
