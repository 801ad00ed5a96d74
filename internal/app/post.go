package app

import (
	"context"
	"log/slog"

	"github.com/teleport-slack/teleport-slack/internal/config"
	"github.com/teleport-slack/teleport-slack/internal/message"
	"github.com/teleport-slack/teleport-slack/internal/slack"
)

// commandSlack returns a Slack client for a command that ends by itself.
func commandSlack(c config.Config, log *slog.Logger) (*slack.Client, error) {
	transport, err := slack.NewTransport(slack.TransportOptions{ExtraCAs: c.Slack.ExtraCAs})
	if err != nil {
		return nil, err
	}
	return slack.New(slack.Options{Token: c.Slack.Token.Reveal, APIURL: c.Slack.APIURL, Transport: transport, Log: log}), nil
}

// Post posts one message that belongs to no request to a recipient, in a form as
// in the configuration, and returns its channel and timestamp. The message has no
// metadata: it is never updated.
func Post(ctx context.Context, c config.Config, to string, m message.Message) (string, error) {
	client, err := commandSlack(c, slog.New(slog.DiscardHandler))
	if err != nil {
		return "", err
	}
	defer client.Close()
	recipient, err := client.Resolve(ctx, to)
	if err != nil {
		return "", err
	}
	ref, err := client.Post(ctx, message.Post{Channel: recipient.ID, Message: m})
	if err != nil {
		return "", err
	}
	return ref.Channel + " at " + ref.TS, nil
}
