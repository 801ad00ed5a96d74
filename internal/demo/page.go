package demo

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/teleport-slack/teleport-slack/internal/access"
	"github.com/teleport-slack/teleport-slack/internal/teleport"
)

//go:embed page
var assets embed.FS

// page is the web server: files, actions, and the stream of events.
type page struct {
	env        *environment
	guard      guard
	requests   *signal         // Teleport's access requests changed
	processCtx context.Context // of processes that a switch starts
}

func newPage(processCtx context.Context, env *environment, asked string, bound net.Addr) *page {
	p := &page{env: env, requests: newSignal(), processCtx: processCtx}
	p.guard = newGuard(asked, bound, p.routes())
	return p
}

func (p *page) routes() http.Handler {
	files, err := fs.Sub(assets, "page")
	if err != nil {
		panic("the page is embedded under a constant name: " + err.Error())
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /api/events", p.events)
	mux.HandleFunc("GET /api/timeline", p.timeline)
	mux.HandleFunc("POST /api/switches/{name}", action(p.setSwitch))
	mux.HandleFunc("POST /api/restart/teleport", action(p.restartTeleport))
	mux.HandleFunc("POST /api/many", action(p.many))
	mux.HandleFunc("GET /api/conversations/{id}/messages", p.olderMessages)
	mux.HandleFunc("POST /api/requests", action(p.createRequest))
	mux.HandleFunc("POST /api/requests/{id}/reviews", action(p.review))
	mux.HandleFunc("POST /api/requests/{id}/state", action(p.setState))
	mux.HandleFunc("POST /api/requests/{id}/expire", action(p.expire))
	mux.HandleFunc("POST /api/requests/{id}/delete", action(p.delete))
	mux.HandleFunc("POST /api/clicks", action(p.click))
	mux.HandleFunc("POST /api/windows/{id}", action(p.submitWindow))
	mux.HandleFunc("POST /api/windows/{id}/close", action(p.closeWindow))
	return mux
}

// serve serves until ctx ends and no request is left.
func (p *page) serve(ctx context.Context, l net.Listener) error {
	srv := &http.Server{
		Handler:           p.guard,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		// Streams are endless, so there is no WriteTimeout; they end with ctx.
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), // browsers break connections all the time
	}
	var ending sync.WaitGroup
	served := make(chan struct{})
	ending.Go(func() {
		select {
		case <-ctx.Done():
		case <-served:
		}
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if srv.Shutdown(grace) != nil {
			_ = srv.Close() // cuts the connections that are left
		}
	})
	err := srv.Serve(l)
	close(served)
	ending.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve the demo's page: %w", err)
}

// watch notifies the page of every change in Teleport until ctx ends. It watches
// Teleport over the API, so it also sees changes that nobody made on the page,
// such as an expiry.
func (p *page) watch(ctx context.Context) error {
	c, err := teleport.New(teleport.Options{
		Addr:     p.env.teleport.Addr(),
		Identity: p.env.identity(pageUser),
		Log:      slog.New(slog.DiscardHandler), // the plugin logs the same
	})
	if err != nil {
		return fmt.Errorf("watch the demo's Teleport: %w", err)
	}
	defer func() { _ = c.Close() }() // no call is in flight
	return c.Serve(ctx, teleport.Handler{
		Changed: func(string, *access.Request) { p.requestsChanged() },
		Resync:  func(context.Context) error { p.requestsChanged(); return nil },
	})
}

// requestsChanged makes the page and the counter read Teleport's requests again.
func (p *page) requestsChanged() {
	p.env.counter.schedule()
	p.requests.notify()
}
