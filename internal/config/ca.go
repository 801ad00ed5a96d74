package config

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
)

// maxExtraFileBytes is how much of a file that the configuration names is
// read: a system's whole bundle of authorities has a quarter of it.
const maxExtraFileBytes = 1 << 20

// caFile reads slack.ca_file: certificate authorities to trust for Slack beside
// the system's. A mistake is reported here with its cause, since the TLS error
// that it leads to would not name the file.
func (r *reader) caFile(s *section) (path string, certificates []byte) {
	const do = "name a file of PEM certificates, beginning with -----BEGIN CERTIFICATE-----"
	path, f := s.text("ca_file")
	if path == "" || r.keyless {
		return "", nil
	}
	data, err := r.readFile(path)
	if err != nil {
		do := do
		if errors.Is(err, fs.ErrPermission) {
			do = "give the user that runs teleport-slack read access"
		}
		r.problem(f, do, "cannot be read: %v", err)
		return path, nil
	}
	if len(data) >= maxExtraFileBytes {
		r.problem(f, do, "%s is longer than %d bytes", path, maxExtraFileBytes)
		return path, nil
	}
	certificates, err = onlyCertificates(data)
	if err != nil {
		r.problem(f, do, "%s: %v", path, err)
		return path, nil
	}
	return path, certificates
}

// onlyCertificates returns the certificates in a PEM file, each of which has to
// be one. What else is in it, perhaps a key, is left out.
func onlyCertificates(data []byte) ([]byte, error) {
	var found []byte
	for n := 1; ; n++ {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, fmt.Errorf("block %d is no certificate: %w", n, err)
		}
		found = append(found, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})...)
	}
	if found == nil {
		return nil, errors.New("it contains no PEM certificate")
	}
	return found, nil
}
