-- Each index of the report serves a query, and the catalogue by price is one range of an index.
--
-- Addresses are kept in small letters. Unique whatever their case, they leave the look-up of an address to the index
-- that also knows whether the account may be used.
DROP INDEX users_email;
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE INDEX contents_price_cents ON contents (price_cents, id);
