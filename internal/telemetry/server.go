package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	headerTimeout = 5 * time.Second
	// writeTimeout is longer than the 30 s of a CPU profile by default.
	writeTimeout = 2 * time.Minute
	idleTimeout  = time.Minute
	// closeTimeout is how long a scrape under way may take at the end.
	closeTimeout = 2 * time.Second

	maxHeaderBytes = 16 << 10
)

// ServerOptions are what Listen needs.
type ServerOptions struct {
	Addr    string // host:port
	Health  Health
	Metrics http.Handler
	Pprof   bool // serve /debug/pprof too
	Log     *slog.Logger
}

// Server serves health and metrics. It changes nothing and has no password, so it
// should listen where only supervisors and monitoring reach it.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// Listen binds the address, so that one in use is an error at start. It serves
// nothing before Serve.
func Listen(o ServerOptions) (*Server, error) {
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for http.listen_addr: %w", err)
	}
	return &Server{listener: l, http: &http.Server{
		Handler:           o.handler(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       headerTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}}, nil
}

// Addr returns where it listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve serves until ctx ends, then finishes requests in flight.
func (s *Server) Serve(ctx context.Context) error {
	var failure error
	ended := make(chan struct{})
	go func() {
		failure = s.http.Serve(s.listener)
		close(ended)
	}()
	select {
	case <-ended:
		return fmt.Errorf("serve http.listen_addr: %w", failure)
	case <-ctx.Done():
	}
	short, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	err := s.http.Shutdown(short)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close() // cuts profiles that are being taken
	}
	<-ended
	return err
}

// Close closes the listener if Serve is never called.
func (s *Server) Close() error { return s.listener.Close() }

// index is the page at the root.
const index = `teleport-slack
/livez    whether the program runs
/readyz   whether it can do its work, and why not
/metrics  for Prometheus
`

func (o ServerOptions) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, index) })
	mux.HandleFunc("GET /livez", o.Health.live)
	mux.HandleFunc("GET /readyz", o.Health.ready)
	mux.Handle("GET /metrics", o.Metrics)
	if o.Pprof {
		mux.HandleFunc("GET /debug/pprof/{$}", profiles)
		mux.HandleFunc("GET /debug/pprof/{name}", profile)
		mux.HandleFunc("GET /debug/pprof/profile", cpuProfile)
		mux.HandleFunc("GET /debug/pprof/trace", executionTrace)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8") // what isn't text says so
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		mux.ServeHTTP(w, r)
	})
}
