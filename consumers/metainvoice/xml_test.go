package metainvoice

import (
	"io"
	"strings"
	"testing"
)

// TestScannerIsBounded: whatever stands in a part, little of it is held.
func TestScannerIsBounded(t *testing.T) {
	const most = 1 << 20 // bytes read before it gives up
	for name, begin := range map[string]string{"text": "<t>", "tag": "<t a=\"", "name": "<", "CDATA": "<t><![CDATA[", "text behind CDATA": "<t><![CDATA[a]]>"} {
		endless := &counting{r: endless{}}
		s := newScanner(io.MultiReader(strings.NewReader(begin), endless))
		_, err := s.tag()
		if err == nil {
			_, err = s.text(nil)
		}
		if err == nil || endless.n > most {
			t.Errorf("%s: %v after %d bytes", name, err, endless.n)
		}
	}
}

// TestScannerTakesLongTagsInOneGo: quotes full of '>' cost their length, not
// its square.
func TestScannerTakesLongTagsInOneGo(t *testing.T) {
	const tags = 2_000
	tag := `<t a="` + strings.Repeat(">", maxTag-100) + `"/>`
	s := newScanner(strings.NewReader(strings.Repeat(tag, tags)))
	for i := range 2 * tags {
		if opens, err := s.tag(); err != nil || opens != (i%2 == 0) {
			t.Fatalf("tag %d: %t %v", i, opens, err)
		}
	}
	many := &counting{r: strings.NewReader(`<t a="` + strings.Repeat(">", 1<<20))}
	if _, err := newScanner(many).tag(); err != errXML || many.n > 1<<17 {
		t.Errorf("%v after %d bytes", err, many.n)
	}
}

type counting struct {
	r io.Reader
	n int
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += n
	return n, err
}

func TestScanner(t *testing.T) {
	s := newScanner(strings.NewReader(`<?xml a=">"?><!-- <x> --->` + "<a:b\n c:d = 'x>\"y' e=\"&lt;&#65;&#x42;&amp;\" f=''/><t> 1 &gt; 2 <!-- no --><![CDATA[<&]]>3</t>"))
	opens, err := s.tag()
	if err != nil || !opens || !s.is("b") || s.attr("d") != `x>"y` || s.attr("e") != "<AB&" || s.attr("f") != "" || s.raw("g") != nil {
		t.Fatalf("%q %q %q %v", s.name, s.attr("d"), s.attr("e"), err)
	}
	if opens, err = s.tag(); err != nil || opens || !s.is("b") {
		t.Fatal("an empty element does not close")
	}
	if opens, err = s.tag(); err != nil || !opens || !s.is("t") {
		t.Fatal("the next element is not found")
	}
	b, err := s.text([]byte("0"))
	if err != nil || string(b) != "0 1 > 2 <&3" {
		t.Fatalf("%q %v", b, err)
	}
	if _, err = s.tag(); err != io.EOF {
		t.Fatal(err)
	}
	for _, broken := range []string{"<t>&x;</t>", "<t>&#xD800;</t>", "<t>&#;</t>", "<t>&amp</t>", "<t><b/></t>", "<t>", "<", "<!DOCTYPE a>", "</ />", "< a>", "<t><![CDATA[]]"} {
		s := newScanner(strings.NewReader(broken))
		_, err := s.tag()
		if err == nil {
			_, err = s.text(nil)
		}
		if err != errXML {
			t.Errorf("%s: %v", broken, err)
		}
	}
}
