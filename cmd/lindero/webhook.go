package main

import (
	"fmt"
	"strconv"
	"strings"

	"lindero/client"
)

// webhookCommand manages the webhooks of the tenant whose key is used.
type webhookCommand struct {
	List   webhookList   `cmd:"" help:"List webhooks with their last outcomes."`
	Add    webhookAdd    `cmd:"" help:"Be told at a URL when operations end; the signing secret is shown once."`
	Remove webhookRemove `cmd:"" help:"Remove a webhook and the deliveries that wait."`
}

type webhookList struct {
	tenantAccess
	output
}

// Run prints a line a webhook.
func (w *webhookList) Run(c *console) error {
	api, err := w.client()
	if err != nil {
		return err
	}
	webhooks, err := client.Collect(api.Webhooks(c.ctx))
	if err != nil {
		return err
	}
	if w.JSON {
		return printJSON(c.out, append([]client.Webhook{}, webhooks...))
	}
	rows := [][]string{{"ID", "URL", "EVENTS", "STATUS", "PENDING", "LAST OUTCOME"}}
	for _, hook := range webhooks {
		rows = append(rows, []string{hook.ID, hook.URL, strings.Join(hook.Events, ","), hook.Status, strconv.FormatInt(hook.Pending, 10), lastOutcome(hook)})
	}
	return printTable(c.out, rows)
}

// lastOutcome is the newest outcome in a few words.
func lastOutcome(w client.Webhook) string {
	if len(w.Deliveries) == 0 {
		return "-"
	}
	last := w.Deliveries[0]
	text := day(last.OutcomeAt) + " " + last.Status
	if last.Error != nil {
		text += fmt.Sprintf(" after %d: %s", last.Attempts, last.Error.Detail)
	}
	return text
}

type webhookAdd struct {
	tenantAccess
	output
	URL    string   `arg:"" help:"Where to post to."`
	Events []string `default:"operation.finished" help:"Which events to be told of."`
	Secret string   `env:"LINDERO_WEBHOOK_SECRET" help:"Signs the deliveries (${env}); one is made when left out."`
}

// Run prints the secret, and what it belongs to beside it.
func (w *webhookAdd) Run(c *console) error {
	api, err := w.client()
	if err != nil {
		return err
	}
	made, err := api.CreateWebhook(c.ctx, client.WebhookSpec{URL: w.URL, Events: w.Events, Secret: w.Secret})
	if err != nil {
		return err
	}
	if w.JSON {
		return printJSON(c.out, made)
	}
	fmt.Fprintln(c.out, made.Secret)
	fmt.Fprintf(c.err, "Webhook %s. Keep the secret: it is not shown again.\n", made.ID)
	return nil
}

type webhookRemove struct {
	tenantAccess
	ID string `arg:"" help:"The webhook's id, as lindero webhook list shows it."`
}

// Run removes it.
func (w *webhookRemove) Run(c *console) error {
	api, err := w.client()
	if err != nil {
		return err
	}
	return api.DeleteWebhook(c.ctx, w.ID)
}
