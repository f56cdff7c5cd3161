import { Body, Controller, Get, HttpCode, Post, Res } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { IsMailAddress, TextLength } from '@warren/contracts';
import { IsEmail, Length, Matches } from 'class-validator';
import type { FastifyReply } from 'fastify';
import { RegisterUser } from '../commands/register-user.ts';
import { InvalidAccessToken } from '../credentials/access-tokens.ts';
import { FindAccount } from '../queries/find-account.ts';
import type { Account } from '../storage/account.entity.ts';
import { ApiProblems } from './api-problems.ts';
import { Caller, SignedIn } from './bearer.guard.ts';

/** No control characters, no halves of characters, no line breaks: the name stands in mails and log lines. */
const ONE_LINE = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u;

export class NewUserRequest {
  @ApiProperty({
    description: 'Mail address; it can have one account.',
    format: 'email',
    maxLength: 254,
    example: 'ada@example.com',
  })
  @IsEmail({}, { message: 'email must be a mail address' })
  @IsMailAddress({ message: 'email must be a mail address' }) // as user.registered tells it
  @TextLength(3, 254)
  email!: string;

  @ApiProperty({
    description: 'Name to be greeted by.',
    minLength: 1,
    maxLength: 100,
    example: 'Ada Lovelace',
  })
  @TextLength(1, 100)
  @Matches(/\S/, { message: 'displayName must not be blank' })
  @Matches(ONE_LINE, { message: 'displayName must be one line without control characters' })
  displayName!: string;

  @ApiProperty({
    description: 'Password.',
    minLength: 8,
    maxLength: 200,
    example: 'correct horse battery staple',
  })
  @Length(8, 200)
  password!: string;
}

export class UserResponse {
  @ApiProperty({ description: 'Id of the account.', format: 'uuid' })
  id!: string;

  @ApiProperty({
    description: 'Mail address as it was typed at sign-up.',
    format: 'email',
    example: 'ada@example.com',
  })
  email!: string;

  @ApiProperty({ description: 'Name to be greeted by.', example: 'Ada Lovelace' })
  displayName!: string;

  @ApiProperty({ description: 'When the account was made (RFC 3339, UTC).', format: 'date-time' })
  createdAt!: string;
}

const representationOf = ({ id, email, displayName, createdAt }: Account): UserResponse => ({
  id,
  email,
  displayName,
  createdAt: createdAt.toISOString(),
});

@ApiTags('Accounts')
@Controller('v1/users')
export class UsersController {
  constructor(
    private readonly registerUser: RegisterUser,
    private readonly findAccount: FindAccount,
  ) {}

  @Post()
  @HttpCode(201)
  @ApiOperation({ summary: 'Sign up', description: 'Makes an account. A welcome mail follows.' })
  @ApiCreatedResponse({ type: UserResponse, description: 'The account was made.' })
  @ApiProblems('validation', 'malformed-json', 'email-taken', 'content-too-large', 'unsupported-media-type')
  async register(
    @Body() body: NewUserRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UserResponse> {
    const account = await this.registerUser.execute(body);
    void reply.header('location', '/v1/users/me');
    return representationOf(account);
  }

  @Get('me')
  @SignedIn()
  @ApiOperation({ summary: 'The account that calls' })
  @ApiOkResponse({ type: UserResponse })
  async me(@Caller() caller: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<UserResponse> {
    const account = await this.findAccount.execute(caller);
    // The token was issued by us, to an account that is gone.
    if (!account) throw new InvalidAccessToken('invalid');
    void reply.header('cache-control', 'private, no-cache');
    return representationOf(account);
  }
}
