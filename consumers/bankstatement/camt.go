package bankstatement

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"

	"prepayledger/domain/money"
)

// Limits of the XML.
const (
	// maxDepth is how deep elements may lie in each other.
	maxDepth = 40
	// maxNodes is how many elements one entry may have: a batch of 2,000
	// payments has about 60,000.
	maxNodes = 100_000
)

// camtPrefix begins the namespace of a camt.053 document; its version ends it.
const camtPrefix = "urn:iso:std:iso:20022:tech:xsd:camt.053.001."

// node is an element of an entry.
type node struct {
	name     string
	line     int
	text     []byte
	currency string // the attribute Ccy
	children []*node
}

// all returns the elements at a path such as "Refs/EndToEndId".
func (n *node) all(path string) []*node {
	name, rest, more := strings.Cut(path, "/")
	var found []*node
	for _, c := range n.children {
		if c.name != name {
			continue
		}
		if more {
			found = append(found, c.all(rest)...)
		} else {
			found = append(found, c)
		}
	}
	return found
}

// first returns the text at the first of the paths that has one.
func (n *node) first(paths ...string) string {
	for _, path := range paths {
		for _, found := range n.all(path) {
			if t := strings.TrimSpace(string(found.text)); t != "" {
				return t
			}
		}
	}
	return ""
}

// camt reads a camt.053 document. Document types, and so entities of one's
// own, are refused: a statement has none, an attack does.
func (p *parser) camt(data []byte) {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = charset
	r := &camtReader{parser: p, d: d}
	if err := r.document(); err != nil {
		line, _ := d.InputPos()
		p.add(line, "", "%v", err)
		return
	}
	if r.statements == 0 && len(p.Problems) == 0 {
		p.add(0, "", "it has no statement (Stmt): export it as camt.053")
	}
}

// charset reads the other encoding that banks use.
func charset(name string, in io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "utf-8", "us-ascii":
		return in, nil
	case "iso-8859-1", "latin1":
		return charmap.ISO8859_1.NewDecoder().Reader(in), nil
	case "iso-8859-15":
		return charmap.ISO8859_15.NewDecoder().Reader(in), nil
	default:
		return nil, fmt.Errorf("encoding %.40q is not read: export it in UTF-8", name)
	}
}

// camtReader walks through the document; entries are read one by one.
type camtReader struct {
	*parser
	d          *xml.Decoder
	statements int
}

var errNotCamt = errors.New("it is no camt.053 document of version 02 or 08: export it as one, or as CSV")

// token returns the next token that matters.
func (r *camtReader) token() (xml.Token, error) {
	for {
		t, err := r.d.Token()
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil, io.EOF
			}
			return nil, fmt.Errorf("it is no valid XML (%w): export it again", err)
		}
		switch t.(type) {
		case xml.Directive:
			return nil, errors.New("it declares a document type (<!…>), which a statement never does: do not trust this file")
		case xml.Comment, xml.ProcInst:
			continue
		}
		return t, nil
	}
}

// document reads the whole.
func (r *camtReader) document() error {
	depth := 0
	for {
		t, err := r.token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return fmt.Errorf("elements lie more than %d deep in each other: do not trust this file", maxDepth)
			}
			if depth == 1 {
				if err := r.root(t); err != nil {
					return err
				}
			}
			if t.Name.Local == "Stmt" && depth == 3 {
				r.statements++
			}
			if t.Name.Local != "Ntry" || depth != 4 {
				continue
			}
			line, _ := r.d.InputPos()
			if !r.count(line) {
				return nil
			}
			nodes := 0
			entry, err := r.read(t, depth, &nodes)
			if err != nil {
				return err
			}
			depth--
			r.entry(entry)
		case xml.EndElement:
			depth--
		}
	}
}

// root checks what kind of document it is.
func (r *camtReader) root(t xml.StartElement) error {
	version, ok := strings.CutPrefix(t.Name.Space, camtPrefix)
	if !ok || t.Name.Local != "Document" || version != "02" && version != "08" {
		return errNotCamt
	}
	r.Format = "camt.053.001." + version
	return nil
}

// read reads an element with all that is in it.
func (r *camtReader) read(start xml.StartElement, depth int, nodes *int) (*node, error) {
	if *nodes++; *nodes > maxNodes || depth > maxDepth {
		return nil, fmt.Errorf("an entry has more than %d elements, or lies more than %d deep: do not trust this file", maxNodes, maxDepth)
	}
	n := &node{name: start.Name.Local}
	n.line, _ = r.d.InputPos()
	for _, a := range start.Attr {
		if a.Name.Local == "Ccy" {
			n.currency = a.Value
		}
	}
	for {
		t, err := r.token()
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it breaks off within an entry: export it again")
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			child, err := r.read(t, depth+1, nodes)
			if err != nil {
				return nil, err
			}
			n.children = append(n.children, child)
		case xml.CharData:
			n.text = append(n.text, t...)
		case xml.EndElement:
			return n, nil
		}
	}
}

// entry takes what is a payment received and booked.
func (r *camtReader) entry(n *node) {
	credit := false
	switch kind := n.first("CdtDbtInd"); kind {
	case "CRDT":
		credit = true
	case "DBIT":
	default:
		r.add(n.line, "Ntry/CdtDbtInd", "%.20q is neither CRDT nor DBIT", kind)
	}
	status := n.first("Sts/Cd", "Sts")
	if status == "" {
		r.add(n.line, "Ntry/Sts", "it is missing")
	}
	total, currency, ok := r.amount(n, "Ntry/Amt", n.all("Amt"))
	if !ok {
		return
	}
	reversed := n.first("RvslInd")
	if !credit || status != "BOOK" || reversed == "true" || reversed == "1" || total.IsZero() {
		r.Skipped++
		return
	}
	details := r.details(n, total)
	for i, tx := range details {
		one := r.payment(n, tx, total, currency, len(details) == 1)
		if len(details) > 1 && tx.first("Refs/AcctSvcrRef") == "" && one.reference != "" {
			one.reference = fmt.Sprintf("%s/%d", one.reference, i+1)
		}
		if len(details) > 1 && !r.count(one.line) {
			return
		}
		r.take(one, fieldNames{
			reference: "Ntry/AcctSvcrRef", endToEnd: "TxDtls/Refs/EndToEndId", booked: "Ntry/BookgDt", value: "Ntry/ValDt",
			amount: "Ntry/Amt", currency: "Ntry/Amt/@Ccy", debtor: "TxDtls/RltdPties/Dbtr",
		})
	}
}

// txAmounts is where the amount of one payment of a batch stands: in version
// 08, in version 02.
func txAmounts(tx *node) []*node { return append(tx.all("Amt"), tx.all("AmtDtls/TxAmt/Amt")...) }

// details are the payments of an entry: several of a batch where each has its
// amount and they make up the whole, else all in one.
func (r *camtReader) details(n *node, total money.Amount) []*node {
	all := n.all("NtryDtls/TxDtls")
	if len(all) > 1 {
		sum := money.Zero()
		for _, tx := range all {
			amounts := txAmounts(tx)
			if len(amounts) == 0 {
				sum = money.Zero()
				break
			}
			a, err := money.Parse(strings.TrimSpace(string(amounts[0].text)))
			if err != nil || a.Sign() <= 0 {
				sum = money.Zero()
				break
			}
			sum = sum.Add(a)
		}
		if sum.Equal(total) {
			return all
		}
	}
	one := &node{line: n.line}
	for _, tx := range all {
		one.children = append(one.children, tx.children...)
	}
	return []*node{one}
}

// payment gathers what is known of one payment.
func (r *camtReader) payment(n, tx *node, total money.Amount, currency string, whole bool) *raw {
	one := &raw{
		line: n.line, reference: n.first("AcctSvcrRef"), endToEnd: tx.first("Refs/EndToEndId"), currency: currency, amount: total,
		booked: n.first("BookgDt/Dt", "BookgDt/DtTm"), value: n.first("ValDt/Dt", "ValDt/DtTm"),
		debtor: tx.first("RltdPties/Dbtr/Pty/Nm", "RltdPties/Dbtr/Nm"), iban: tx.first("RltdPties/DbtrAcct/Id/IBAN", "RltdPties/DbtrAcct/Id/Othr/Id"),
	}
	if !whole {
		one.line = tx.line
		one.amount, one.currency, _ = r.amount(tx, "TxDtls/Amt", txAmounts(tx))
		if own := tx.first("Refs/AcctSvcrRef"); own != "" {
			one.reference = own
		}
	} else if one.reference == "" {
		one.reference = tx.first("Refs/AcctSvcrRef")
	}
	for _, path := range []string{"RmtInf/Strd/CdtrRefInf/Ref", "RmtInf/Strd/RfrdDocInf/Nb", "RmtInf/Strd/AddtlRmtInf", "RmtInf/Ustrd", "AddtlTxInf"} {
		for _, found := range tx.all(path) {
			one.texts = append(one.texts, string(found.text))
		}
	}
	if len(one.texts) == 0 {
		one.texts = append(one.texts, n.first("AddtlNtryInf"))
	}
	return one
}

// amount reads an amount with its currency.
func (r *camtReader) amount(n *node, field string, found []*node) (money.Amount, string, bool) {
	if len(found) == 0 {
		r.add(n.line, field, "it is missing")
		return money.Zero(), "", false
	}
	a, err := money.Parse(strings.TrimSpace(string(found[0].text)))
	if err != nil {
		r.add(found[0].line, field, "%v", err)
		return a, "", false
	}
	if a.Sign() < 0 {
		r.add(found[0].line, field, "%s is negative: the direction stands in CdtDbtInd", a)
		return a, "", false
	}
	return a, found[0].currency, true
}
