package natsbus

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Role is a user of the embedded server and what it may do there.
type Role string

const (
	// RolePrepay is the ledger itself: everything.
	RolePrepay Role = "prepay"
	// RoleAdmin is the operator: everything.
	RoleAdmin Role = "admin"
	// RoleIntake brings usage, charges and commands, and asks the gate.
	RoleIntake Role = "intake"
	// RoleSubscriber reads events and notices through consumers of JetStream.
	RoleSubscriber Role = "subscriber"
	// RoleGate reads the two buckets and asks the gate.
	RoleGate Role = "gate"
	// RolePayments answers requests for card payments and tells outcomes.
	RolePayments Role = "payments"
)

// Roles returns every role, in the order of their names.
func Roles() []Role {
	return []Role{RoleAdmin, RoleGate, RoleIntake, RolePayments, RolePrepay, RoleSubscriber}
}

// InboxPrefix is where a role's replies come. Every role has its own, so that
// nobody reads the replies of others: a client must be told of it (in nats.go
// by CustomInboxPrefix, in the nats tool by --inbox-prefix).
func InboxPrefix(r Role) string { return "_INBOX_" + string(r) }

// roleOf tells a role by the name of its user.
func roleOf(user string) (Role, bool) {
	r := Role(user)
	return r, slices.Contains(Roles(), r)
}

// answerWithin is how long a payment service may answer a request (time);
// later it tells the outcome.
const answerWithin = time.Minute

// permissions of a role; nil for everything.
func permissions(r Role) *server.Permissions {
	var publish []string
	switch r {
	case RoleIntake:
		publish = []string{ChargeSubject, UsageSubject, CommandPrefix + ">", GateSubject, WhySubject}
	case RoleSubscriber:
		publish = []string{"$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", HistorySubject, WhySubject}
		for g := 1; g <= MaxGeneration; g++ {
			publish = append(publish, reading(EventsName(g))...)
		}
		publish = append(publish, reading(NoticesStream)...)
	case RoleGate:
		publish = []string{"$JS.API.INFO", GateSubject}
		for _, bucket := range []string{ChannelsBucket, AccountsBucket} {
			publish = append(publish, reading("KV_"+bucket)...)
		}
	case RolePayments:
		return &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{PaymentOutcomeSubject}},
			Subscribe: &server.SubjectPermission{Allow: []string{PaymentPrefix + "*", InboxPrefix(r) + ".>"}},
			Response:  &server.ResponsePermission{MaxMsgs: 1, Expires: answerWithin},
		}
	default:
		return nil
	}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: publish},
		Subscribe: &server.SubjectPermission{Allow: []string{InboxPrefix(r) + ".>"}},
	}
}

// reading returns the subjects that it takes to read a stream.
func reading(stream string) []string {
	return []string{
		"$JS.API.STREAM.INFO." + stream,
		"$JS.API.STREAM.MSG.GET." + stream,
		"$JS.API.DIRECT.GET." + stream,
		"$JS.API.DIRECT.GET." + stream + ".>",
		"$JS.API.CONSUMER.CREATE." + stream,
		"$JS.API.CONSUMER.CREATE." + stream + ".>",
		"$JS.API.CONSUMER.DURABLE.CREATE." + stream + ".>",
		"$JS.API.CONSUMER.INFO." + stream + ".*",
		"$JS.API.CONSUMER.MSG.NEXT." + stream + ".*",
		"$JS.API.CONSUMER.DELETE." + stream + ".*",
		"$JS.ACK." + stream + ".>",
		"$JS.FC." + stream + ".>",
	}
}

// Secrets of the embedded server's users.
const (
	// passwordBytes is the length of a password before it is written as text.
	passwordBytes = 32
	// usersFile keeps the passwords, readable by its owner alone.
	usersFile = "users.json"
)

// passwords reads the roles' passwords, and makes those that lack.
func passwords(dir string) (map[Role]string, error) {
	path := filepath.Join(dir, usersFile)
	secrets := map[Role]string{}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read the passwords of NATS: %w", err)
	default:
		if err := json.Unmarshal(text, &secrets); err != nil {
			return nil, fmt.Errorf("%s can't be read (%w): mend or delete it, then start again; deleted, it is made anew with other passwords", path, err)
		}
	}
	added := false
	for _, r := range Roles() {
		if secrets[r] != "" {
			continue
		}
		raw := make([]byte, passwordBytes)
		if _, err := rand.Read(raw); err != nil {
			return nil, err
		}
		secrets[r], added = hex.EncodeToString(raw), true // a hyphen at its start would be a flag to command lines
	}
	if !added {
		return secrets, nil
	}
	return secrets, writeSecrets(path, secrets)
}

// writeSecrets replaces the file as a whole: a crash leaves the former one or
// the new one.
func writeSecrets(path string, secrets map[Role]string) error {
	text, err := json.MarshalIndent(secrets, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), usersFile+".*") // 0600
	if err != nil {
		return fmt.Errorf("write the passwords of NATS: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write the passwords of NATS: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// ReadPassword returns a role's password from the folder of a server.
func ReadPassword(dir string, r Role) (string, error) {
	text, err := os.ReadFile(filepath.Join(dir, usersFile))
	if err != nil {
		return "", fmt.Errorf("read the passwords of NATS: %w", err)
	}
	secrets := map[Role]string{}
	if err := json.Unmarshal(text, &secrets); err != nil {
		return "", fmt.Errorf("read the passwords of NATS: %w", err)
	}
	if secrets[r] == "" {
		return "", fmt.Errorf("%s has no user %s", filepath.Join(dir, usersFile), r)
	}
	return secrets[r], nil
}
