package metainvoice

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"prepayledger/consumers/fileerror"
	"prepayledger/domain/money"
	"prepayledger/domain/reconciliation"
)

// AnalyticsPoint is one data point of the Graph API's pricing analytics: an
// early, approximate figure, never the authority.
type AnalyticsPoint struct {
	WABAID string
	// PhoneNumber is digits without a plus; empty where the response does not
	// tell numbers apart.
	PhoneNumber string
	// Country is ISO 3166's code in capitals.
	Country string
	Tier    string
	// PricingType and Category are normalised: lower case, joined by '_'.
	PricingType string
	Category    string
	// Start is when it begins, End the first instant behind it.
	Start, End time.Time
	Volume     int64
	Cost       money.Amount
	Currency   money.Currency
}

// analyticsResponse is a response of the Graph API for one WABA. What is not
// named here is not needed.
type analyticsResponse struct {
	ID        string `json:"id"`
	Currency  string `json:"currency"`
	Analytics *struct {
		Data []struct {
			Points []analyticsPoint `json:"data_points"`
		} `json:"data"`
	} `json:"pricing_analytics"`
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
}

type analyticsPoint struct {
	Start       json.Number `json:"start"`
	End         json.Number `json:"end"`
	PhoneNumber string      `json:"phone_number"`
	Country     string      `json:"country"`
	Tier        string      `json:"tier"`
	PricingType string      `json:"pricing_type"`
	Category    string      `json:"pricing_category"`
	Volume      json.Number `json:"volume"`
	Cost        json.Number `json:"cost"`
}

// ParseAnalytics reads responses of the Graph API, one after another, and
// gives each data point to take, in order. A cost is the decimal that its
// digits say. The answer is a *Error, which is a rejection, where anything is
// wrong with the file; a failure to read and an error of take are passed on.
// Points before what is wrong were given already.
func ParseAnalytics(name string, r io.Reader, take func(*AnalyticsPoint) error) error {
	limited := &io.LimitedReader{R: r, N: MaxFileBytes + 1}
	decoder := json.NewDecoder(limited)
	p := &problems{Error{fileerror.List{File: name}}}
	for n := 1; len(p.Problems) == 0; n++ {
		var response analyticsResponse
		err := decoder.Decode(&response)
		switch {
		case limited.N <= 0:
			p.add(0, "", "larger than %d MiB: give one file per WABA", MaxFileBytes>>20)
		case errors.Is(err, io.EOF) && n > 1:
			return nil
		case err != nil && !badJSON(err):
			return fmt.Errorf("read %s: %w", name, err)
		case err != nil:
			p.add(0, "", "response %d is no JSON of pricing analytics: %v", n, err)
		default:
			if err := response.points(p, n, take); err != nil {
				return err
			}
		}
	}
	return p.err()
}

// badJSON tells text that is wrong from a failure to read it.
func badJSON(err error) bool {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &kind) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.HasPrefix(err.Error(), "json: ")
}

func (a *analyticsResponse) points(p *problems, n int, take func(*AnalyticsPoint) error) error {
	currency, err := money.ParseCurrency(a.Currency)
	switch {
	case a.Error != nil:
		p.add(0, "error", "response %d is an error of the Graph API: %q; ask again", n, show(a.Error.Message))
	case a.ID == "" || len(a.ID) > reconciliation.MaxFieldBytes:
		p.add(0, "id", "response %d names no WABA: ask for the field id", n)
	case a.Analytics == nil:
		p.add(0, "pricing_analytics", "response %d has none: ask for the field pricing_analytics", n)
	case err != nil:
		p.add(0, "currency", "response %d: %q is no currency: ask for the field currency", n, show(a.Currency))
	}
	if len(p.Problems) > 0 {
		return nil
	}
	for i := range a.Analytics.Data {
		points := a.Analytics.Data[i].Points
		for j := range points {
			where := fmt.Sprintf("pricing_analytics.data[%d].data_points[%d]", i, j)
			point := &AnalyticsPoint{WABAID: a.ID, Currency: currency}
			if field, err := points[j].read(point); err != nil {
				p.add(0, where+"."+field, "response %d: %v", n, err)
				return nil
			}
			if err := take(point); err != nil {
				return err
			}
		}
	}
	return nil
}

// read fills a point; field is what is wrong.
func (a *analyticsPoint) read(p *AnalyticsPoint) (field string, err error) {
	if p.Start, err = unixTime(a.Start); err != nil {
		return "start", err
	}
	if p.End, err = unixTime(a.End); err != nil || !p.End.After(p.Start) {
		return "end", errors.Join(err, errors.New("it is not after start"))
	}
	if p.Country = strings.ToUpper(a.Country); len(p.Country) != 2 || !letter(p.Country[0]) || !letter(p.Country[1]) {
		return "country", fmt.Errorf("%q is no country: ask for the dimension COUNTRY", show(a.Country))
	}
	if p.Category = reconciliation.NormalizeCategory(a.Category); p.Category == "" || len(p.Category) > reconciliation.MaxFieldBytes {
		return "pricing_category", errors.New("it is missing: ask for the dimension PRICING_CATEGORY")
	}
	if a.PricingType == "" || len(a.PricingType) > reconciliation.MaxFieldBytes {
		return "pricing_type", errors.New("it is missing: ask for the dimension PRICING_TYPE")
	}
	p.PricingType, p.Tier = reconciliation.NormalizePricingType(a.PricingType), a.Tier
	if p.PhoneNumber = strings.TrimPrefix(a.PhoneNumber, "+"); p.PhoneNumber != "" && !digits(p.PhoneNumber) {
		return "phone_number", fmt.Errorf("%q is no number", show(a.PhoneNumber))
	}
	p.Volume, err = strconv.ParseInt(a.Volume.String(), 10, 64)
	if err != nil || p.Volume < 0 || p.Volume > reconciliation.MaxVolume {
		return "volume", fmt.Errorf("%q is no whole number from 0 to %d", show(a.Volume.String()), int64(reconciliation.MaxVolume))
	}
	if p.Cost, err = cost(a.Cost); err != nil {
		return "cost", err
	}
	return "", nil
}

func cost(n json.Number) (money.Amount, error) {
	d, err := exact(n.String())
	if err != nil {
		return money.Amount{}, err
	}
	return money.Parse(d.Text('f'))
}

// unixTime reads seconds; years outside of billing periods are refused.
func unixTime(n json.Number) (time.Time, error) {
	s, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no time in Unix seconds", show(n.String()))
	}
	t := time.Unix(s, 0).UTC()
	if t.Year() < MinYear || t.Year() > MaxYear {
		return time.Time{}, fmt.Errorf("%d is out of range: years %d to %d", s, MinYear, MaxYear)
	}
	return t, nil
}
