-- Back to version 4. Every API key is lost, and accounts that may not sign in any more may again.
DROP TABLE sign_in_failures;
DROP TABLE api_keys;
