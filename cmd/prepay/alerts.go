package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"prepayledger/cmd/prepay/internal/desk"
	"prepayledger/consumers/apiclient"
	"prepayledger/consumers/mailer"
	"prepayledger/domain"
)

// mailSettings say how mails are sent.
type mailSettings struct {
	SMTPURL  string   `name:"smtp-url" group:"Mail" help:"Send alerts over this SMTP server; off without one." env:"PREPAY_SMTP_URL" placeholder:"smtp://USER:PASSWORD@HOST:587" secret:""`
	SMTPCA   string   `name:"smtp-ca" group:"Mail" help:"Certificates that the SMTP server's is checked against." env:"PREPAY_SMTP_CA" placeholder:"FILE"`
	MailFrom string   `name:"mail-from" group:"Mail" help:"Sender of alerts." env:"PREPAY_MAIL_FROM" placeholder:"ADDRESS"`
	AlertsTo []string `name:"alerts-to" group:"Mail" help:"Operators, who are told of every account." env:"PREPAY_ALERTS_TO" placeholder:"ADDRESS"`
}

// transport is how mails are sent; nil where they are off.
func (m *mailSettings) transport() (*mailer.Transport, error) {
	if m.SMTPURL == "" {
		return nil, nil
	}
	s, err := mailer.ParseURL(m.SMTPURL)
	if err != nil {
		return nil, fmt.Errorf("--smtp-url: %w", err)
	}
	if m.SMTPCA != "" {
		text, err := os.ReadFile(m.SMTPCA)
		if err != nil {
			return nil, fmt.Errorf("--smtp-ca: %w", err)
		}
		s.RootCAs = x509.NewCertPool()
		if !s.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--smtp-ca: %s has no certificate in PEM", m.SMTPCA)
		}
	}
	t, err := mailer.NewTransport(s, m.MailFrom)
	if err != nil {
		return nil, fmt.Errorf("--mail-from: %w", err)
	}
	return t, nil
}

// checkMail refuses settings that can't be right.
func (m *mailSettings) checkMail() error {
	var problems []error
	if _, err := m.transport(); err != nil {
		problems = append(problems, err)
	}
	if m.SMTPURL == "" && (m.MailFrom != "" || m.SMTPCA != "" || len(m.AlertsTo) > 0) {
		problems = append(problems, errors.New("--smtp-url: mails need an SMTP server: name it, or leave the other settings of mails out"))
	}
	for _, a := range m.AlertsTo {
		if !domain.ValidAddress(a) {
			problems = append(problems, fmt.Errorf("--alerts-to: %.80q is no mail address: write it like ops@example.com", a))
		}
	}
	return errors.Join(problems...)
}

// startAlerts mails notices, where that is set up.
func (s *server) startAlerts(ctx context.Context) error {
	transport, err := s.settings.transport()
	if err != nil || transport == nil {
		return err
	}
	m, err := mailer.New(s.conn, transport, mailer.Options{
		Recipients: s.alertSettings, Operators: s.settings.AlertsTo, Keep: s.settings.EventsMaxAge + mailsKeptLonger,
		Replicas: s.settings.NATSReplicas, Sent: s.telemetry.mail, Clock: s.globals.Now, Logger: s.log.Named("mailer"),
	})
	if err != nil {
		return err
	}
	if err := m.Open(ctx); err != nil {
		return err
	}
	s.run(ctx, "mailer", m.Run)
	return nil
}

// mailsKeptLonger is by how much longer than a notice it is kept whom it was
// mailed to (time).
const mailsKeptLonger = 5 * 24 * time.Hour

// alertSettings are an account's; nil where it has none.
func (s *server) alertSettings(_ context.Context, partner string) (*domain.AlertSettings, error) {
	a, err := s.app.Views.Accounts.Get(partner)
	if err != nil || a == nil {
		return nil, err
	}
	return a.State.Alerts, nil
}

// alertsCmd looks after mails.
type alertsCmd struct {
	Test alertsTestCmd `cmd:"" help:"Send a test mail to those who are told of an account."`
}

type alertsTestCmd struct {
	Partner string   `arg:"" help:"Partner id."`
	To      []string `help:"Send it to these instead; the data folder is not needed then." placeholder:"ADDRESS"`
	mailSettings
}

// Help implements kong.HelpProvider.
func (*alertsTestCmd) Help() string {
	return `Sends a test mail with the settings of prepay serve to the recipients of an
account and to the operators. While the ledger runs, name the addresses: its data
folder is in use.

  prepay alerts test PA-1001 --config prepay.toml
  prepay alerts test PA-1001 --to ana@example.com --config prepay.toml`
}

// Run runs the command.
func (c *alertsTestCmd) Run(ctx context.Context, g *globals) error {
	if err := c.checkMail(); err != nil {
		return err
	}
	if c.SMTPURL == "" {
		return errors.New("--smtp-url: name the SMTP server, such as smtp://user:password@mail.example.com:587")
	}
	to := c.To
	if len(to) == 0 {
		err := g.read(ctx, func(a *desk.Desk) error {
			found, err := a.Accounts(ctx, c.Partner)
			if err != nil {
				return err
			}
			to = append(to, c.AlertsTo...)
			if s := found[0].State.Alerts; s != nil {
				to = append(to, s.Recipients...)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(to) == 0 {
		return fmt.Errorf("nobody is told of %s: name addresses with --to, with prepay account alerts, or with --alerts-to", c.Partner)
	}
	return c.send(ctx, g, to)
}

// send sends a test mail to each address, and tells which were accepted.
func (c *alertsTestCmd) send(ctx context.Context, g *globals, to []string) error {
	transport, err := c.transport()
	if err != nil {
		return err
	}
	now := time.Now
	if g.Now != nil {
		now = g.Now
	}
	mail, err := mailer.TestMail("test-"+uuid.NewString(), c.Partner, now().UTC())
	if err != nil {
		return err
	}
	session, err := transport.Open(ctx)
	if err != nil {
		return err
	}
	defer session.Close()
	var problems []error
	sent := []string{}
	for _, a := range to {
		mail.To = a
		if err := session.Send(mail); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", a, err))
			continue
		}
		sent = append(sent, a)
	}
	err = g.print(map[string][]string{"sent": sent}, func(w io.Writer) {
		fmt.Fprintf(w, "The server accepted %s: %s\n", counted(int64(len(sent)), "test mail", "test mails"), strings.Join(sent, ", "))
	})
	return errors.Join(append(problems, err)...)
}

// accountAlertsCmd shows and changes who is told of an account by mail.
type accountAlertsCmd struct {
	Partner string   `arg:"" help:"Partner id."`
	To      []string `help:"Addresses that are told; they replace all." placeholder:"ADDRESS"`
	Nobody  bool     `help:"Nobody is told any more."`
	Kinds   []string `help:"Kinds of notices; they replace all." placeholder:"KIND"`
	Usual   bool     `help:"The usual kinds again."`
	who
}

// Help implements kong.HelpProvider.
func (*accountAlertsCmd) Help() string {
	return `Changes who is told of an account by mail, and of what; what is left out stays.
Without flags it is shown. The kinds are ` + strings.Join(domain.AlertKinds(), ", ") + `;
the usual ones are the first six.

  prepay account alerts PA-1001 --to ana@example.com --to ben@example.com
  prepay account alerts PA-1001 --kinds Blocked,Unblocked,Recharged
  prepay account alerts PA-1001`
}

// command is the change; nil where there is none.
func (c *accountAlertsCmd) command() (*domain.ChangeAlertSettings, error) {
	if c.Nobody && len(c.To) > 0 || c.Usual && len(c.Kinds) > 0 {
		return nil, errors.New("give addresses or --nobody, and kinds or --usual")
	}
	change := &domain.ChangeAlertSettings{}
	if c.Nobody || len(c.To) > 0 {
		to := append([]string{}, c.To...) // nobody is an empty list, not none
		change.Recipients = &to
	}
	if c.Usual || len(c.Kinds) > 0 {
		kinds := append([]string{}, c.Kinds...)
		change.Kinds = &kinds
	}
	if change.Recipients == nil && change.Kinds == nil {
		return nil, nil
	}
	return change, nil
}

// Run runs the command.
func (c *accountAlertsCmd) Run(ctx context.Context, g *globals) error {
	change, err := c.command()
	if err != nil {
		return err
	}
	if change != nil {
		return g.once(ctx, func() error { return c.show(ctx, g, change) })
	}
	return c.show(ctx, g, change)
}

// show shows who is told, changed where that is asked for.
func (c *accountAlertsCmd) show(ctx context.Context, g *globals, change *domain.ChangeAlertSettings) error {
	if change != nil {
		if err := g.command(ctx, &c.who, c.Partner, change); err != nil {
			return err
		}
	}
	v, err := ask(ctx, g,
		func(r *apiclient.ClientWithResponses) (*http.Response, error) {
			return r.GetAlerts(ctx, c.Partner, nil)
		},
		func(a *desk.Desk) (desk.Alerts, error) {
			found, err := a.Accounts(ctx, c.Partner)
			if err != nil {
				return desk.Alerts{}, err
			}
			return desk.AlertsOf(found[0].State), nil
		})
	if err != nil {
		return err
	}
	return g.print(v, func(w io.Writer) {
		to := "nobody"
		if len(v.Recipients) > 0 {
			to = strings.Join(v.Recipients, ", ")
		}
		fmt.Fprintf(w, "Of %s is told by mail: %s\nKinds: %s\n", v.PartnerID, to, strings.Join(v.Kinds, ", "))
	})
}
