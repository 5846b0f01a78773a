package access

import (
	"bytes"
	"context"
	"fmt"
	htmltemplate "html/template"
	"net/url"
	"text/template"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"prepayledger/consumers/mailer"
)

// PasswordPath is the page on which an invitation or a reset sets a password;
// its parameter token is the Store's.
const PasswordPath = "/set-password"

// mailTimeout is how long handing over one mail may take (time).
const mailTimeout = 30 * time.Second

// Links makes the links of invitations and resets, and mails them where mails
// are set up.
type Links struct {
	// Base is the address that browsers see, without a slash at its end.
	Base func() string
	// Mail sends a mail; nil is where mails are off.
	Mail func(context.Context, *mailer.Mail) error
	// Logger gets why a mail was not sent; nil is none.
	Logger *zap.Logger
}

// Link is a link to pass on to the one whom it is for, and to nobody else.
type Link struct {
	URL       string    `json:"link" doc:"Link to a page on which the user sets a password. Pass it on to nobody else." example:"https://prepay.example.com/set-password?token=pl_…"`
	ExpiresAt time.Time `json:"expires_at" doc:"Until when the link works, once."`
	// Mailed says that the mail server took a mail with it to the user.
	Mailed bool `json:"mailed" doc:"The mail server took a mail with it to the user. Else pass it on yourself."`
}

// Invitation is the link of an invitation. A mail that can't be sent is no
// error: the link can be passed on by hand.
func (l *Links) Invitation(ctx context.Context, u *User, token string, now time.Time) Link {
	return l.link(ctx, u, token, "Your access to prepay", "You were invited to prepay, the ledger of your prepaid balance.",
		now, InvitationLife)
}

// Reset is the link of a reset.
func (l *Links) Reset(ctx context.Context, u *User, token string, now time.Time) Link {
	return l.link(ctx, u, token, "A new password for prepay", "A new password for prepay was asked for. If you did not want that, leave this mail: your password stays.",
		now, ResetLife)
}

func (l *Links) link(ctx context.Context, u *User, token, subject, why string, now time.Time, life time.Duration) Link {
	link := Link{URL: l.Base() + PasswordPath + "?token=" + url.QueryEscape(token), ExpiresAt: now.Add(life)}
	if l.Mail == nil {
		return link
	}
	mail, err := linkMail(u.Email, subject, why, &link, now)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, mailTimeout)
		defer cancel()
		err = l.Mail(ctx, mail)
	}
	if err != nil && l.Logger != nil {
		l.Logger.Warn("a link was not mailed; it can be passed on by hand", zap.String("user", u.ID), zap.Error(err))
	}
	link.Mailed = err == nil
	return link
}

// linkMail is the mail with a link.
func linkMail(to, subject, why string, link *Link, now time.Time) (*mailer.Mail, error) {
	data := map[string]string{"Why": why, "URL": link.URL, "Until": link.ExpiresAt.UTC().Format("2006-01-02 15:04") + " UTC"}
	plain, err := template.New("").Parse("{{.Why}}\n\nSet your password here:\n\n{{.URL}}\n\nThe link works once, until {{.Until}}.\n")
	if err != nil {
		return nil, err
	}
	marked, err := htmltemplate.New("").Parse("<p>{{.Why}}</p>\n<p><a href=\"{{.URL}}\">Set your password</a></p>\n<p>The link works once, until {{.Until}}.</p>\n")
	if err != nil {
		return nil, err
	}
	var text, html bytes.Buffer
	if err := firstOf(plain.Execute(&text, data), marked.Execute(&html, data)); err != nil {
		return nil, fmt.Errorf("the mail with the link: %w", err)
	}
	return &mailer.Mail{ID: uuid.NewString(), To: to, Subject: subject, Text: text.String(), HTML: html.String(), Date: now}, nil
}
