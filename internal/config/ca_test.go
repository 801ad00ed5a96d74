package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// authority is a certificate in PEM.
var authority = func() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}()

func TestExtraAuthoritiesAreCheckedWhenTheyAreRead(t *testing.T) {
	for path, want := range map[string]string{
		"/ca":      "",
		"/bundle":  "",
		"/nowhere": "cannot be read: open /nowhere: file does not exist",
		"/locked":  "cannot be read: open /locked: permission denied",
		"/token":   "/token: it contains no PEM certificate",
		"/empty":   "/empty: it contains no PEM certificate",
		"/key":     "/key: it contains no PEM certificate",
		"/torn":    "/torn: block 1 is no certificate: ",
	} {
		got, _, err := Parse("f", []byte(strings.Replace(sound, "[slack]", "[slack]\nca_file = \""+path+`"`, 1)), files)
		if want == "" {
			if n := bytes.Count(got.Slack.ExtraCAs, []byte("BEGIN CERTIFICATE")); err != nil || n == 0 || got.Slack.CAFile != path {
				t.Errorf("%s: %d certificates, %v", path, n, err)
			}
			if bytes.Contains(got.Slack.ExtraCAs, []byte("KEY")) {
				t.Errorf("%s: a key is kept", path)
			}
			continue
		}
		if ls := lines(err); len(ls) != 1 || !strings.HasPrefix(ls[0], "f:4:1: slack.ca_file: "+want) {
			t.Errorf("%s: %q, want %q", path, ls, want)
		}
	}
}

// There is no key that makes it trust anybody: it is unknown, and told so.
func TestTrustingAnybodyIsNotOnOffer(t *testing.T) {
	for _, key := range []string{"insecure", "insecure_skip_verify", "skip_verify", "tls_verify"} {
		_, warnings, err := Parse("f", []byte(strings.Replace(sound, "[slack]", "[slack]\n"+key+" = true", 1)), files)
		if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].String(), key) {
			t.Errorf("%s: %v, %v", key, warnings, err)
		}
	}
}

func FuzzOnlyCertificates(f *testing.F) {
	f.Add(authority)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := onlyCertificates(data)
		if err != nil {
			return
		}
		if again, err := onlyCertificates(got); err != nil || !bytes.Equal(got, again) {
			t.Errorf("what was taken is not taken again: %v", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(got) {
			t.Error("what was taken makes no pool")
		}
	})
}
