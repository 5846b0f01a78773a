package commandjson

import "prepayledger/domain"

// changeAlertSettings is the payload of ChangeAlertSettings.
type changeAlertSettings struct {
	Recipients *[]string `json:"recipients,omitempty" jsonschema_description:"Mail addresses that are told of the account, at most 20; an empty list ends its mails."`
	Kinds      *[]string `json:"kinds,omitempty" jsonschema_description:"Kinds of notices that they get; an empty list is the default, all that asks for something to be done."`
}

func (p *changeAlertSettings) command(string) domain.Command {
	return &domain.ChangeAlertSettings{Recipients: p.Recipients, Kinds: p.Kinds}
}
