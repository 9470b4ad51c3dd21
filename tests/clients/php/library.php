<?php
// Sends what Partnero's PHP library sends, request by request, with another base URL: the headers it sets, the parameters of a GET and
// a DELETE as a JSON body (its releases until 2023, also an empty list where there are none) or as PHP's http_build_query writes them
// (its later ones), and everything else as JSON. Of an answer it knows what the library knows: the status, and the body where the
// Content-Type is exactly application/json.
declare(strict_types=1);

final class Library
{
    public function __construct(private string $key, private bool $inBody)
    {
    }

    /** @return array{int, mixed} */
    public function call(string $method, string $uri, ?array $data = []): array
    {
        $request = curl_init(getenv('LEADMILL_URL') . '/v1/' . $uri . $this->query($method, $uri, $data));
        $headers = ["Authorization: Bearer {$this->key}", 'Accept: application/json', 'User-Agent: partnero-php/v1', 'Sdk-Version: 1.0.0', 'Expect:'];
        if ($this->inBody || !in_array($method, ['GET', 'DELETE'], true)) {
            curl_setopt($request, CURLOPT_POSTFIELDS, json_encode($data, JSON_THROW_ON_ERROR));
            $headers[] = 'Content-Type: application/json';
        }
        $type = null;
        curl_setopt_array($request, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_HTTPHEADER => $headers,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 30,
            CURLOPT_HEADERFUNCTION => function ($_, string $line) use (&$type): int {
                if (stripos($line, 'content-type:') === 0) {
                    $type = trim(substr($line, strlen('content-type:')));
                }
                return strlen($line);
            },
        ]);
        $text = curl_exec($request);
        if ($text === false) {
            throw new RuntimeException("$method $uri: " . curl_error($request));
        }
        return [curl_getinfo($request, CURLINFO_HTTP_CODE), $type === 'application/json' ? json_decode($text, true, 512, JSON_THROW_ON_ERROR) : $text];
    }

    private function query(string $method, string $uri, ?array $data): string
    {
        if ($this->inBody || !$data || !in_array($method, ['GET', 'DELETE'], true)) {
            return '';
        }
        return (str_contains($uri, '?') ? '&' : '?') . http_build_query($data);
    }
}

$failed = 0;

function same(string $what, mixed $is, mixed $want): void
{
    global $failed;
    if ($is !== $want) {
        $failed++;
        printf("%s: %s, want %s\n", $what, json_encode($is), json_encode($want));
    }
}

/** What a list holds, by one member. */
function held(array $answer, string $member): mixed
{
    return $answer[0] === 200 ? array_column($answer[1]['data'], $member) : $answer;
}

/** A member of the one object of an answer. */
function of(array $answer, string $member): mixed
{
    return $answer[1]['data'][$member] ?? $answer;
}

function failure(array $answer): array
{
    return [$answer[0], $answer[1]['status'] ?? null, $answer[1]['code'] ?? null];
}

function drive(string $mode, string $code, bool $inBody): void
{
    $admin = new Library(getenv('LEADMILL_KEY'), true);
    $seller = $admin->call('POST', 'sellers', ['name' => "PHP $mode", 'code' => $code, 'website' => 'https://yourcompany.com']);
    $p = new Library($seller[1]['data']['api_key']['key'], $inBody);
    $is = fn (string $what, mixed $is, mixed $want) => same("$mode: $what", $is, $want);

    $is('test()->call()', $p->call('GET', 'test')[0], 200);
    $is('a wrong key', failure((new Library('wrong', $inBody))->call('GET', 'test')), [401, 0, 'invalid_api_key']);

    // partners()
    $is('create', of($p->call('POST', 'partners', ['key' => 'ref_1', 'email' => 'one@example.com', 'name' => 'One', 'tags' => ['new']]), 'name'), 'One');
    $two = of($p->call('POST', 'partners', ['key' => 'ref_2', 'email' => 'two@example.com', 'name' => 'Two']), 'id');
    $is('create again', failure($p->call('POST', 'partners', ['email' => 'two@example.com'])), [422, 0, 'validation_failed']);
    $is('list(1)', held($p->call('GET', 'partners', ['limit' => 1]), 'id'), [$two]);
    $is('list()', count(held($p->call('GET', 'partners'), 'id')), 2);
    $is('find(key)', of($p->call('GET', 'partners/ref_2', ['key' => 'ref_2']), 'id'), $two);
    $is('find(email)', of($p->call('GET', 'partners/', ['email' => 'two@example.com']), 'id'), $two);
    $is('find(nobody)', failure($p->call('GET', 'partners/nobody', ['key' => 'nobody'])), [404, 0, 'partner_not_found']);
    $is('update', of($p->call('PUT', 'partners', ['update' => ['name' => 'Second'], 'key' => 'ref_2']), 'name'), 'Second');
    $is('update with nothing', $p->call('PUT', 'partners', ['update' => [], 'key' => 'ref_2'])[0], 200);

    // customers()
    $customer = fn (string $key, string $partner): array => $p->call('POST', 'customers', ['key' => $key, 'email' => "$key@example.com", 'partner' => ['key' => $partner]]);
    $is('customers()->create', of($customer('dep', 'ref_1'), 'key'), 'dep');
    $is('customers()->create', of($customer('dap', 'ref_2'), 'partner'), $two);
    $is('customers()->list(250, nobody)', held($p->call('GET', 'customers', ['partner' => ['key' => 'nobody'], 'limit' => 250]), 'key'), []);
    $is('customers()->list(null, ref_1)', held($p->call('GET', 'customers', ['partner' => ['key' => 'ref_1']]), 'key'), ['dep']);
    $is('customers()->list(partner by email)', held($p->call('GET', 'customers', ['partner' => ['email' => 'two@example.com']]), 'key'), ['dap']);
    $is('a filter that is not known', failure($p->call('GET', 'customers', ['colour' => 'red'])), [422, 0, 'unknown_field']);
    $is('customer()->find', of($p->call('GET', 'customer', ['key' => 'dep']), 'key'), 'dep');
    $is('customers()->find', of($p->call('GET', 'customers/dep'), 'key'), 'dep');
    $is('customers()->search', held($p->call('GET', 'customers:search', ['email' => 'dap@']), 'key'), ['dap']);
    $is('customers()->update', of($p->call('PUT', 'customers', ['key' => 'dep', 'update' => ['name' => 'Dep']]), 'name'), 'Dep');
    $is('a program of referrals names the key id', of($p->call('PUT', 'customers', ['id' => 'dep', 'update' => ['surname' => 'Ended']]), 'surname'), 'Ended');
    $sale = ['key' => 'order_1', 'amount' => 99.99, 'action' => 'sale'];
    $is('a sale in create', failure($p->call('POST', 'customers', ['key' => 'sold', 'partner' => ['key' => 'ref_1'], 'transaction' => $sale])), [422, 0, 'not_supported_yet']);
    $is('no customer came of it', $p->call('GET', 'customers/sold')[0], 404);

    // What comes later says so; what is elsewhere is not there.
    foreach (['transactions', 'subscribers', 'customers/dep/balance'] as $route) {
        $is($route, failure($p->call('GET', $route, ['limit' => 1])), [501, 0, 'not_supported_yet']);
    }
    $is('transactions()->create', failure($p->call('POST', 'transactions', ['customer' => ['key' => 'dep']] + $sale)), [501, 0, 'not_supported_yet']);
    $is('a path of nobody', failure($p->call('GET', 'nothing')), [404, 0, 'not_found']);

    // partnerReferralLinks(), settings(), and the ends of things
    $is('a link', of($p->call('POST', 'partner_referral_links', ['key' => 'spring', 'partner' => ['key' => 'ref_1']]), 'key'), 'spring');
    $is('search of links', held($p->call('GET', 'partner_referral_links:search', ['key' => 'spr']), 'key'), ['spring']);
    $is('settings', of($p->call('PUT', 'settings', ['settings' => ['cookie_lifetime' => 60]]), 'cookie_lifetime'), 60);
    $is('customers()->delete', $p->call('DELETE', 'customers/dep')[0], 200);
    $is('partners()->delete', $p->call('DELETE', 'partners', ['key' => 'ref_1'])[0], 200);
    $is('what is left', held($p->call('GET', 'partners'), 'id'), [$two]);
}

drive('in the body', 'PHPBODY1', true);
drive('in the query', 'PHPQUERY', false);
if ($failed > 0) {
    exit(1);
}
echo "all as Partnero's library expects\n";
