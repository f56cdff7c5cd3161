import { Injectable } from '@nestjs/common';
import { errors, jwtVerify, SignJWT } from 'jose';
import { validate as isUuid } from 'uuid';
import { TOKEN_ALGORITHM } from './key-rotation.ts';
import { SigningKeys } from './signing-keys.ts';

const ISSUER = 'warren-gateway';
const AUDIENCE = 'warren';

/** A bearer token that is not one of ours, was changed, or is too old. */
export class InvalidAccessToken extends Error {
  override readonly name = 'InvalidAccessToken';
  constructor(readonly reason: 'expired' | 'invalid') {
    super(reason === 'expired' ? 'the access token has expired' : 'the access token is not valid');
  }
}

/** What a valid token says. */
export interface Access {
  accountId: string;
  /** When the token ends, in milliseconds since 1970. */
  expiresAt: number;
}

/** Signed statements of who somebody is (RFC 9068 without scopes). */
@Injectable()
export class AccessTokens {
  constructor(private readonly keys: SigningKeys) {}

  /** @param lifetime in seconds */
  async issue(accountId: string, lifetime: number): Promise<string> {
    const { kid, privateKey } = await this.keys.current();
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT()
      .setProtectedHeader({ alg: TOKEN_ALGORITHM, kid, typ: 'at+jwt' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(accountId)
      .setIssuedAt(now)
      .setExpirationTime(now + lifetime)
      .sign(privateKey);
  }

  /** @throws InvalidAccessToken */
  async verify(token: string): Promise<Access> {
    try {
      const { payload } = await jwtVerify(
        token,
        async ({ kid }) => {
          const key = typeof kid === 'string' ? await this.keys.publicKey(kid) : undefined;
          if (!key) throw new InvalidAccessToken('invalid');
          return key;
        },
        {
          algorithms: [TOKEN_ALGORITHM],
          issuer: ISSUER,
          audience: AUDIENCE,
          typ: 'at+jwt',
          requiredClaims: ['exp'],
        },
      );
      if (!isUuid(payload.sub)) throw new InvalidAccessToken('invalid');
      return { accountId: payload.sub as string, expiresAt: payload.exp! * 1000 };
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new InvalidAccessToken('expired');
      if (error instanceof errors.JOSEError) throw new InvalidAccessToken('invalid');
      throw error;
    }
  }
}
