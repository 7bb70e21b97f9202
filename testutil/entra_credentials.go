package testutil

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Client returns an HTTP client that trusts e and reaches it under IMDS's address, too.
func (e *Entra) Client() *http.Client { return e.client }

// ClientOptions are what every azidentity credential needs to ask e. The ones that ask
// the authority need DisableInstanceDiscovery besides.
func (e *Entra) ClientOptions() azcore.ClientOptions {
	return azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: e.URL + "/"},
		Transport: e.client,
	}
}

// ClientSecret returns a credential of p with its client secret.
func (e *Entra) ClientSecret(p *Principal) (*azidentity.ClientSecretCredential, error) {
	return azidentity.NewClientSecretCredential(e.TenantID, p.ClientID, p.secret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: e.ClientOptions(), DisableInstanceDiscovery: true})
}

// Certificate returns a credential of p with the certificate made for it.
func (e *Entra) Certificate(p *Principal) (*azidentity.ClientCertificateCredential, error) {
	cert, key, err := e.certify(p)
	if err != nil {
		return nil, fmt.Errorf("testutil: %w", err)
	}
	return azidentity.NewClientCertificateCredential(e.TenantID, p.ClientID, []*x509.Certificate{cert}, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: e.ClientOptions(), DisableInstanceDiscovery: true})
}

// certify returns p's certificate and its key, which are made but once.
func (e *Entra) certify(p *Principal) (*x509.Certificate, *rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: p.ClientID},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if p.certificate == nil {
		p.certificate, p.key = cert, key
	}
	return p.certificate, p.key, nil
}

// ClientAssertion returns a credential of p with an assertion of another identity provider.
func (e *Entra) ClientAssertion(p *Principal) (*azidentity.ClientAssertionCredential, error) {
	return azidentity.NewClientAssertionCredential(e.TenantID, p.ClientID,
		func(context.Context) (string, error) { return p.assertion, nil },
		&azidentity.ClientAssertionCredentialOptions{ClientOptions: e.ClientOptions(), DisableInstanceDiscovery: true})
}

// WorkloadIdentity returns a credential of p with a token file, as Kubernetes mounts it.
func (e *Entra) WorkloadIdentity(p *Principal) (*azidentity.WorkloadIdentityCredential, error) {
	file, err := e.tokenFile(p)
	if err != nil {
		return nil, fmt.Errorf("testutil: %w", err)
	}
	return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: e.ClientOptions(), DisableInstanceDiscovery: true,
		ClientID: p.ClientID, TenantID: e.TenantID, TokenFilePath: file,
	})
}

func (e *Entra) tokenFile(p *Principal) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.dir == "" {
		dir, err := os.MkdirTemp("", "entra-*")
		if err != nil {
			return "", err
		}
		e.dir = dir
	}
	file := filepath.Join(e.dir, p.ClientID)
	return file, os.WriteFile(file, []byte(p.assertion), 0o600)
}

// ManagedIdentity returns a credential of p by way of IMDS, as on a virtual machine. id is
// azidentity's ClientID, ObjectID or ResourceID of p; nil makes p the system-assigned
// identity. Of that one MSAL has a single cache for the process, so let its tokens live
// less than five minutes, which keeps them out of the cache.
func (e *Entra) ManagedIdentity(p *Principal, id azidentity.ManagedIDKind) (*azidentity.ManagedIdentityCredential, error) {
	if id == nil {
		e.mu.Lock()
		e.system = p
		e.mu.Unlock()
	}
	return azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: e.ClientOptions(), ID: id})
}

// AppService is [Entra.ManagedIdentity] by way of the endpoint of App Service and
// Functions, which the environment names for as long as the credential is used.
func (e *Entra) AppService(setenv Setenv, p *Principal, id azidentity.ManagedIDKind) (*azidentity.ManagedIdentityCredential, error) {
	setenv("IDENTITY_ENDPOINT", e.URL+"/msi/token")
	setenv("IDENTITY_HEADER", e.header)
	return e.ManagedIdentity(p, id)
}

// DefaultAzure returns a DefaultAzureCredential that finds p's client secret in the environment.
func (e *Entra) DefaultAzure(setenv Setenv, p *Principal) (*azidentity.DefaultAzureCredential, error) {
	setenv("AZURE_TENANT_ID", e.TenantID)
	setenv("AZURE_CLIENT_ID", p.ClientID)
	setenv("AZURE_CLIENT_SECRET", p.secret)
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: e.ClientOptions(), DisableInstanceDiscovery: true,
	})
}
