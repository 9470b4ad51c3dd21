// Command goclient does with a client generated from /openapi.yaml what an integrator does first: it sets a seller up, sells a lead
// and reads the events. tests/clients generates the package client beside it.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"time"

	"example.com/goclient/client"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	lead, err := run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("sold", lead)
}

func connect(key string) (*client.ClientWithResponses, error) {
	return client.NewClientWithResponses(os.Getenv("LEADMILL_URL"), client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+key)
		return nil
	}))
}

// answered returns an error unless a request was answered as documented.
func answered[T any](call string, answer *T, body []byte, err error) error {
	if err == nil && answer == nil {
		err = fmt.Errorf("answers %s", body)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	return nil
}

func setUp(ctx context.Context) (program *client.ClientWithResponses, err error) {
	admin, err := connect(os.Getenv("LEADMILL_KEY"))
	if err != nil {
		return nil, err
	}
	seller, err := admin.CreateSellerWithResponse(ctx, nil, client.SellerCreateInput{Name: "Go", Code: new("GOCLIENT")})
	if err != nil {
		return nil, err
	}
	if err := answered("create a seller", seller.JSON201, seller.Body, nil); err != nil {
		return nil, err
	}
	return connect(seller.JSON201.Data.ApiKey.Key)
}

func run(ctx context.Context) (leadID string, err error) {
	program, err := setUp(ctx)
	if err != nil {
		return "", err
	}
	partner, err := program.CreatePartnerWithResponse(ctx, nil, client.PartnerInput{Email: "partner@example.com", Name: new("Pat"), Tags: &[]string{"new"}})
	if err != nil {
		return "", err
	}
	if err := answered("create a partner", partner.JSON201, partner.Body, nil); err != nil {
		return "", err
	}
	id := new(client.StringOrNumber)
	var key client.CustomerInput_Key
	if err := id.FromStringOrNumber0(partner.JSON201.Data.Id); err != nil {
		return "", err
	}
	if err := key.FromCustomerInputKey1(123456789); err != nil {
		return "", err
	}
	customer, err := program.CreateCustomerWithResponse(ctx, nil, client.CustomerInput{Key: &key, Partner: &client.PartnerHandle{Id: id}})
	if err != nil {
		return "", err
	}
	if err := answered("create a customer", customer.JSON201, customer.Body, nil); err != nil {
		return "", err
	}
	if got := customer.JSON201.Data.Key; got != "123456789" {
		return "", fmt.Errorf("the customer's key is %s", got)
	}
	twice, err := program.CreatePartnerWithResponse(ctx, nil, client.PartnerInput{Email: "partner@example.com"})
	if err != nil {
		return "", err
	}
	if twice.JSON422 == nil || twice.JSON422.Errors == nil || !slices.Equal((*twice.JSON422.Errors)["email"], []string{"Email already exists"}) {
		return "", fmt.Errorf("a partner of an email that is taken: %s", twice.Body)
	}
	buyer, err := openMarket(ctx, program)
	if err != nil {
		return "", err
	}
	supplier, err := connectSupplier(ctx, program, id)
	if err != nil {
		return "", err
	}
	sold, err := supplier.SubmitLeadWithResponse(ctx, nil, client.SupplierLeadInput{
		Seller: "GOCLIENT", Category: "Solar", FirstName: "Jane", LastName: "Doe", Phone: "(604) 785-3793", State: "ca",
	})
	if err != nil {
		return "", err
	}
	if err := answered("sell a lead", sold.JSON200, sold.Body, nil); err != nil {
		return "", err
	}
	lead := sold.JSON200
	if !lead.Success || lead.Status != client.LeadStatusSold || lead.Price == nil || *lead.Price != 876543.21 || lead.BuyerIds == nil || !slices.Equal(*lead.BuyerIds, []string{buyer}) {
		return "", fmt.Errorf("the lead is %s", sold.Body)
	}
	return lead.LeadId, readEvents(ctx, program, lead.LeadId)
}

// openMarket makes a campaign and a buyer who buys in it, and returns the buyer's id.
func openMarket(ctx context.Context, program *client.ClientWithResponses) (string, error) {
	campaign, err := program.CreateCampaignWithResponse(ctx, nil, client.CampaignCreateInput{
		Name: "Solar", Category: "Solar", PriceShown: new(client.CampaignCreateInputPriceShownSale),
		Fields: &[]client.FieldRuleInput{{Name: "homeowner", Type: new("boolean")}},
	})
	if err != nil {
		return "", err
	}
	if err := answered("create a campaign", campaign.JSON201, campaign.Body, nil); err != nil {
		return "", err
	}
	buyer, err := program.CreateBuyerWithResponse(ctx, nil, client.BuyerCreateInput{Name: "Best"})
	if err != nil {
		return "", err
	}
	if err := answered("create a buyer", buyer.JSON201, buyer.Body, nil); err != nil {
		return "", err
	}
	deposit, err := program.DepositMoneyWithResponse(ctx, buyer.JSON201.Data.Id, nil, client.MoneyInput{Amount: 2345678.91})
	if err != nil {
		return "", err
	}
	if err := answered("deposit money", deposit.JSON201, deposit.Body, nil); err != nil {
		return "", err
	}
	contract, err := program.CreateContractWithResponse(ctx, campaign.JSON201.Data.Id, nil, client.ContractCreateInput{
		BuyerId: buyer.JSON201.Data.Id, Price: 876543.21, Caps: &[]client.Cap{{Window: client.Day, Leads: new(int64(5))}},
	})
	if err != nil {
		return "", err
	}
	return buyer.JSON201.Data.Id, answered("create a contract", contract.JSON201, contract.Body, nil)
}

func connectSupplier(ctx context.Context, program *client.ClientWithResponses, partner *client.StringOrNumber) (*client.ClientWithResponses, error) {
	key, err := program.CreateAPIKeyWithResponse(ctx, nil, client.APIKeyInput{Scope: "supplier", Partner: &client.PartnerHandle{Id: partner}})
	if err != nil {
		return nil, err
	}
	if err := answered("create a supplier key", key.JSON201, key.Body, nil); err != nil {
		return nil, err
	}
	return connect(key.JSON201.Data.Key)
}

// readEvents reads the log until the lead was sold.
func readEvents(ctx context.Context, program *client.ClientWithResponses, lead string) error {
	after := int64(0)
	for {
		page, err := program.ListEventsWithResponse(ctx, &client.ListEventsParams{After: &after, Wait: new(20), Types: new("customer.created.v1,lead.sold.v1")})
		if err != nil {
			return err
		}
		if err := answered("read events", page.JSON200, page.Body, nil); err != nil {
			return err
		}
		for _, e := range page.JSON200.Data {
			if e.Type == "lead.sold.v1" && e.Subject == lead && e.Data["lead_id"] == lead {
				return nil
			}
		}
		after = page.JSON200.Next
	}
}
