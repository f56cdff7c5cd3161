import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

/** A key that access tokens are signed with. In the database, so that every replica signs and verifies alike. */
@Entity('signing_keys')
export class SigningKey {
  /** Thumbprint of the key (RFC 7638); stands in the header of each token. */
  @PrimaryColumn({ type: 'text' })
  kid!: string;

  /** Ed25519 key pair as a JSON Web Key (RFC 8037). */
  @Column({ type: 'jsonb', name: 'private_jwk' })
  privateJwk!: { kty: string; crv: string; x: string; d: string };

  @CreateDateColumn({ type: 'timestamptz', name: 'created_at' })
  createdAt!: Date;
}
